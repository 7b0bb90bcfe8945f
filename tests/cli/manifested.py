"""What tests of manifests record, and read of what became of the objects."""

from __future__ import annotations

from typing import Any

import yaml

from tests.cli.live import Live
from tests.testbed.gitops import Ran

RBAC = "rbac.authorization.k8s.io/v1"

Object = dict[str, Any]


def config_map(name: str = "web", /, **data: str) -> Object:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def record(live: Live, *objects: Object, **versions: str) -> str:
    """Record these objects and no others, in one file, and versions of Deployments."""
    text = yaml.safe_dump_all(objects, sort_keys=False)
    files = {f"/{live.namespace}/manifests/all.yaml": text}
    return live.record(files | {f"{name}.deployment": v for name, v in versions.items()})


def objects_of(done: Ran) -> dict[str, Any]:
    """Return what a document of `diff` or `sync` says of objects, by kind and name."""
    [environment] = done.json()["environments"]
    return {f"{o['kind']}/{o['name']}": o for o in environment["objects"]}


def states(live: Live, *arguments: str) -> dict[str, str]:
    """Return the state of each object, as `diff` says it."""
    found = objects_of(live.diff("-o", "json", *arguments))
    return {name: one["state"] for name, one in found.items()}


def actions(live: Live, *arguments: str) -> dict[str, str]:
    """Sync, and return what became of each object."""
    found = objects_of(live.sync("-o", "json", *arguments))
    return {name: one["action"] for name, one in found.items()}


def apply_as(live: Live, manager: str, content: Object, plural: str = "configmaps") -> None:
    """Apply an object server-side as somebody else."""
    group = content["apiVersion"]
    base = f"/apis/{group}" if "/" in group else f"/api/{group}"
    name = content["metadata"]["name"]
    live.kube.request(
        "PATCH",
        f"{base}/namespaces/{live.namespace}/{plural}/{name}",
        content,
        content_type="application/apply-patch+yaml",
        fieldManager=manager,
    )
