"""The manifests of a namespace: its workloads and what they need. Secrets are never read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import yaml

from gitops_cli.cluster.api import RESOURCES, Api, Doing, Resource
from gitops_cli.cluster.reading import fetch_items
from gitops_cli.domain.cluster.capturing import Exported
from gitops_cli.domain.cluster.manifest import portable
from gitops_cli.domain.errors import Denied, GitOpsError
from gitops_cli.domain.names import AGENT, AGENT_SIGNERS, EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.parallel import attempt_all

_CLUSTERS_OWN = frozenset({("ConfigMap", "kube-root-ca.crt"), ("Service", "kubernetes")})
_AGENTS_OWN = frozenset({AGENT, AGENT_SIGNERS})  # its status changes with every run


class _Listed(NamedTuple):
    kind: str
    api_version: str
    resource: Resource
    needed: bool = False


_ALL = (
    *(
        _Listed(kind.value, f"{resource.group}/v1", resource, needed=True)
        for kind, resource in RESOURCES.items()
    ),
    _Listed("Service", "v1", Resource("/api/v1", "services")),
    _Listed("ConfigMap", "v1", Resource("/api/v1", "configmaps")),
    _Listed("Ingress", "networking.k8s.io/v1", Resource("/apis/networking.k8s.io/v1", "ingresses")),
)


def export(
    api: Api, namespace: EnvironmentName, workloads: Collection[tuple[Kind, str]]
) -> Exported:
    """Return the named workloads, and all Services, ConfigMaps and Ingresses, as YAML files.

    What may not be listed of the latter is a note. Raises Denied, ClusterError.
    """
    wanted = {(kind.value, name) for kind, name in workloads}
    kinds = {kind.value for kind, _ in workloads}
    asked = [one for one in _ALL if not one.needed or one.kind in kinds]
    answers = attempt_all(
        lambda one: fetch_items(api, Doing("list", one.resource, namespace), lambda item: item),
        asked,
    )
    files: dict[str, bytes] = {}
    notes: list[str] = []
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Denied) and not one.needed:
            notes.append(f"{namespace}: not permitted to list {one.resource}: left out")
            continue
        if isinstance(answer, GitOpsError):
            raise answer
        for name, item in answer.values.items():
            if (one.kind, name) in _CLUSTERS_OWN or name in _AGENTS_OWN:
                continue
            if _is_made(item) or (one.needed and (one.kind, name) not in wanted):
                continue
            manifest = portable(one.api_version, one.kind, item)
            text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)
            files[f"{one.kind.lower()}-{name}.yaml"] = text.encode()
    return Exported(files, tuple(notes))


def _is_made(item: Mapping[str, Any]) -> bool:
    # What a controller made it will make again.
    return any(owner.get("controller") for owner in item["metadata"].get("ownerReferences") or ())
