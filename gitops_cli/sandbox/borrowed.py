"""A demo on a cluster of the user's: namespaces and Deployments of its own, and repositories here.

A real cluster needs images that exist, and none is tagged with our commits. But an image may be
named `repository:tag@digest`, and then only the digest is used for pulling (Kubernetes, "Images").
So a version is a commit of a sample repository with the digest of a released `pause`: 0.3 MB, for
every platform, and on most nodes already. The broken version has no digest and no such tag exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.repositories import make_source, make_state
from gitops_cli.sandbox.samples import ADA, HOTFIX_BASE, STAGES
from gitops_cli.sandbox.timeline import StateCommit

SERVICE = "pause"
LABEL = "gitops-cli/demo"  # on what the demo makes: the name of its project
IMAGES_PATH = "registry.k8s.io/"
_DEADLINE = 60  # seconds: not every registry says that an image is not there
_SOURCE = "frontend"  # whose commits the versions are
_OLD = "sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097"  # pause:3.9
_NEW = "sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a"  # pause:3.10

Json = dict[str, Any]


class Borrowed(NamedTuple):
    """What a demo has on a cluster of the user's; `label`: its key on all of it, with `project`."""

    project: str
    label: str
    service: str
    manifests: Sequence[Json]


def make_borrowed(place: SandboxPlace, project: str, context: str) -> Borrowed:
    """Make the repositories; return what they need on the cluster. Raises GitError."""
    commits = make_source(place, _SOURCE)
    newest = len(commits) - 2  # the last is the hotfix
    chosen = ((newest, _NEW), (newest - 1, _NEW), (HOTFIX_BASE, _OLD))
    recorded = {
        f"{project}-{stage}": f"{commits[index]}@{digest}"
        for stage, (index, digest) in zip(STAGES, chosen, strict=True)
    }
    files = {"gitops.toml": _settings(context, place.source_url(_SOURCE))}
    for environment, version in recorded.items():
        files[f"{environment}/images_path"] = f"{IMAGES_PATH}\n"
        files[f"{environment}/{SERVICE}.deployment"] = f"{version}\n"
    make_state(place, [StateCommit(ADA, datetime.now(UTC), "Describe the environments\n", files)])
    return Borrowed(project, LABEL, SERVICE, _manifests(project, recorded))


def _settings(context: str, source: str) -> str:
    # A JSON string is a TOML string, whatever is in the context's name.
    stages = "".join(f"[stage.{stage}]\ncluster = {json.dumps(context)}\n\n" for stage in STAGES)
    return f'{stages}[service.{SERVICE}]\nsource = "{source}"\n'


def _manifests(project: str, recorded: Mapping[str, str]) -> Sequence[Json]:
    """Return the namespaces, then the Deployments that run what is recorded."""
    labels = {LABEL: project, "app.kubernetes.io/managed-by": "gitops-demo"}
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name in recorded
    ]
    return [*namespaces, *(_deployment(n, labels, version) for n, version in recorded.items())]


def _deployment(namespace: str, labels: Json, version: str) -> Json:
    pods = {"app": SERVICE}
    container = {
        "name": SERVICE,
        "image": f"{IMAGES_PATH}{SERVICE}:{version}",
        "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"memory": "16Mi"}},
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": SERVICE, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": _DEADLINE,
            "selector": {"matchLabels": pods},
            "template": {"metadata": {"labels": pods}, "spec": spec},
        },
    }
