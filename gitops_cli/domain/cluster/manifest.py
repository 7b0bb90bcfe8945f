"""A live object as a manifest that another cluster takes: without what only this one knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitops_cli.domain.cluster.defaults import without_defaults
from gitops_cli.domain.manifests.kinds import BUILT_IN
from gitops_cli.domain.manifests.objects import WRITTEN_BY_SERVER
from gitops_cli.domain.manifests.ownership import ManagerEntry, scaler_of, without_replicas

_CLUSTERS_OWN = WRITTEN_BY_SERVER | {"namespace", "ownerReferences", "generateName", "finalizers"}
# Written by controllers, kubectl or gitops itself, and wrong as soon as the object is elsewhere.
_NOTED = (
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubernetes.io/change-cause",
    "gitops-cli/",
    "applyset.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/storage-provisioner",
    "openshift.io/internal-registry-pull-secret-ref",
)
_BOUND = "pv.kubernetes.io/bound-by-controller"
_SERVICE_OWN = frozenset({"clusterIP", "clusterIPs", "healthCheckNodePort"})


def portable(api_version: str, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of an object that was read; its namespace is its environment's."""
    made: dict[str, Any] = {"apiVersion": api_version, "kind": kind}
    made["metadata"] = _metadata(item["metadata"])
    for key, value in item.items():
        if key not in {"apiVersion", "kind", "metadata", "status"}:
            made[key] = _without_times(value)
    if (api_version.rpartition("/")[0], kind) in BUILT_IN:  # others have a Service, too
        _make_bare(made, kind, item["metadata"])
    if scaler_of(_managers(item["metadata"])) is not None:
        return {**without_replicas(made)}  # the autoscaler's, and others tomorrow
    return made


def _make_bare(made: dict[str, Any], kind: str, metadata: Mapping[str, Any]) -> None:
    """Take out what a cluster gave one of Kubernetes' own kinds."""
    spec = made.get("spec")
    if isinstance(spec, dict):
        made["spec"] = without_defaults(kind, _unassigned(kind, spec, metadata))
    if kind == "ServiceAccount":
        # Tokens that clusters gave out before 1.24, and OpenShift does; others somebody wrote.
        token = re.compile(
            f"{re.escape(str(metadata.get('name')))}-(token|dockercfg)-[a-z0-9]{{5}}"
        )
        for field in ("secrets", "imagePullSecrets"):
            named = made.pop(field, None) or []
            if left := [one for one in named if not token.fullmatch(str(one.get("name")))]:
                made[field] = left


def _managers(metadata: Mapping[str, Any]) -> Iterator[ManagerEntry]:
    managed = metadata.get("managedFields")
    for entry in managed if isinstance(managed, list) else ():
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        if isinstance(fields, dict):
            keys = ("manager", "operation", "subresource")
            manager, operation, subresource = (str(entry.get(key) or "") for key in keys)
            yield ManagerEntry(manager, operation, subresource, fields)


def _unassigned(kind: str, spec: dict[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec without what the cluster chose for the object."""
    if kind == "Service" and spec.get("clusterIP") != "None":
        kept = {key: value for key, value in spec.items() if key not in _SERVICE_OWN}
        return {**kept, "ports": [_without_node_port(port) for port in spec.get("ports") or ()]}
    if kind == "PersistentVolumeClaim" and _BOUND in (metadata.get("annotations") or {}):
        return {key: value for key, value in spec.items() if key != "volumeName"}
    return spec


def _without_node_port(port: Mapping[str, Any]) -> dict[str, Any]:
    # Given out per cluster: in another namespace of the same one it is taken.
    return {key: value for key, value in port.items() if key != "nodePort"}


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in _CLUSTERS_OWN}
    for field in ("labels", "annotations"):
        notes = kept.pop(field, None) or {}
        if said := {key: value for key, value in notes.items() if not key.startswith(_NOTED)}:
            kept[field] = said
    return kept


def _without_times(value: Any) -> Any:
    """Return a value without the empty `creationTimestamp` that templates have."""
    if isinstance(value, dict):
        return {
            key: _without_times(inner)
            for key, inner in value.items()
            if not (key == "creationTimestamp" and inner is None)
        }
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value
