"""Kinds of objects that every cluster has: their plural names, their scope, and when they come.

They need no question to the API server. What a cluster has beside them, it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = ("", "Namespace")
SECRET = ("", "Secret")

_APPS = "apps"
_RBAC = "rbac.authorization.k8s.io"
_NETWORKING = "networking.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_STORAGE = "storage.k8s.io"


class Scope(NamedTuple):
    """A kind's plural name in URLs, and whether its objects are in namespaces."""

    plural: str
    namespaced: bool


_IN_NAMESPACES = {
    "": (
        "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
        "ReplicationController ResourceQuota Secret Service ServiceAccount"
    ),
    _APPS: "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "batch": "CronJob Job",
    "autoscaling": "HorizontalPodAutoscaler",
    "policy": "PodDisruptionBudget",
    "coordination.k8s.io": "Lease",
    "discovery.k8s.io": "EndpointSlice",
    _NETWORKING: "Ingress NetworkPolicy",
    _RBAC: "Role RoleBinding",
    _STORAGE: "CSIStorageCapacity",
}
_OF_THE_CLUSTER = {
    "": "Namespace Node PersistentVolume",
    _ADMISSION: (
        "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
        "ValidatingWebhookConfiguration"
    ),
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    _NETWORKING: "IngressClass",
    "node.k8s.io": "RuntimeClass",
    _RBAC: "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io": "PriorityClass",
    _STORAGE: "CSIDriver CSINode StorageClass VolumeAttachment",
}


def usual_plural(kind: str) -> str:
    """Return what objects of a kind are called in URLs and rights, as the API's convention is."""
    lower = kind.lower()
    if lower.endswith("endpoints"):
        return lower
    if lower.endswith("ss"):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith(("cy", "ty")) else f"{lower}s"


BUILT_IN: Mapping[tuple[str, str], Scope] = {
    (group, kind): Scope(usual_plural(kind), namespaced)
    for table, namespaced in ((_IN_NAMESPACES, True), (_OF_THE_CLUSTER, False))
    for group, kinds in table.items()
    for kind in kinds.split()
}

# What others need comes first; what may refuse everything that comes after it, last.
_RANKS = (
    {"Namespace"},
    {"CustomResourceDefinition"},
    {"PriorityClass", "RuntimeClass", "IngressClass", "StorageClass", "CSIDriver"},
    {"ServiceAccount", "ClusterRole", "Role"},
    {"ClusterRoleBinding", "RoleBinding"},
    {"ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget"},
    {"Secret", "ConfigMap"},
    {"PersistentVolume", "PersistentVolumeClaim"},
    {"Service", "Endpoints", "EndpointSlice"},
)
_LAST = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService"} | {
    f"{sort}AdmissionPolicy{binding}"
    for sort in ("Mutating", "Validating")
    for binding in ("", "Binding")
}
_AFTER_WORKLOADS = {"HorizontalPodAutoscaler", "Ingress"}


def rank(group: str, kind: str) -> int:
    """Return when objects of a kind are applied; those of one rank go at once.

    Namespaces, definitions, classes, rights, limits, configuration, volumes, Services, workloads
    and whatever a cluster has beside, what refers to them, and what judges all others.
    """
    if (group, kind) in BUILT_IN or group == _ADMISSION:
        for number, kinds in enumerate(_RANKS):
            if kind in kinds:
                return number
        if kind in _LAST:
            return len(_RANKS) + 2
        if kind in _AFTER_WORKLOADS:
            return len(_RANKS) + 1
    return len(_RANKS)
