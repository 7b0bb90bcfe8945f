"""The resources that are served, and the discovery documents that name them."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]

VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0-gitops-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "emulated",
}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class ServedResource(NamedTuple):
    """One kind of object and where it is served."""

    group: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    version: str = "v1"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return the name used in messages, as `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACES = ServedResource("", "namespaces", "Namespace", ("ns",), namespaced=False)
PODS = ServedResource("", "pods", "Pod", ("po",))
EVENTS = ServedResource("", "events", "Event", ("ev",))
DEPLOYMENTS = ServedResource("apps", "deployments", "Deployment", ("deploy",))
REPLICASETS = ServedResource("apps", "replicasets", "ReplicaSet", ("rs",))
STATEFULSETS = ServedResource("apps", "statefulsets", "StatefulSet", ("sts",))
DAEMONSETS = ServedResource("apps", "daemonsets", "DaemonSet", ("ds",))
CRONJOBS = ServedResource("batch", "cronjobs", "CronJob", ("cj",))

RESOURCES = (
    NAMESPACES,
    PODS,
    EVENTS,
    ServedResource("", "configmaps", "ConfigMap", ("cm",)),
    ServedResource("", "secrets", "Secret"),
    ServedResource("", "serviceaccounts", "ServiceAccount", ("sa",)),
    ServedResource("", "services", "Service", ("svc",)),
    DEPLOYMENTS,
    REPLICASETS,
    STATEFULSETS,
    DAEMONSETS,
    ServedResource("batch", "jobs", "Job"),
    CRONJOBS,
    ServedResource("networking.k8s.io", "ingresses", "Ingress", ("ing",)),
    ServedResource("rbac.authorization.k8s.io", "roles", "Role"),
    ServedResource("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
)
REVIEWS = ServedResource(
    "authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
RULES = ServedResource(
    "authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
ASKED = (REVIEWS, RULES)
"""What is asked and never kept."""

_BY_PLACE = {(r.group, r.version, r.plural): r for r in (*RESOURCES, *ASKED)}
_GROUPS = sorted({(r.group, r.version) for r in (*RESOURCES, *ASKED) if r.group})


def resource_at(group: str, version: str, plural: str) -> ServedResource | None:
    """Return the resource that is served there."""
    return _BY_PLACE.get((group, version, plural))


def is_served(group: str, version: str) -> bool:
    return (group, version) == ("", "v1") or (group, version) in _GROUPS


def discovery(parts: list[str]) -> Json | None:
    """Return the discovery document at a path, given in its parts; None if there is none."""
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(group, version) for group, version in _GROUPS]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", "v1"]:
            return _resource_list("", "v1")
        case ["apis", group] if is_served(group, "v1"):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, "v1")}
        case ["apis", group, version] if is_served(group, version):
            return _resource_list(group, version)
        case ["openapi", "v3"]:
            prefixes = ["api/v1", *(f"apis/{group}/{version}" for group, version in _GROUPS)]
            return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in prefixes}}
        case ["openapi", "v3", "api", "v1"]:
            return _openapi("", "v1")
        case ["openapi", "v3", "apis", group, version] if is_served(group, version):
            return _openapi(group, version)
    return None


def _openapi(group: str, version: str) -> Json:
    """Return the least that makes `kubectl apply` leave validation to the server."""
    parameters = [{"name": "fieldValidation", "in": "query"}]
    kinds = {
        f"/{r.plural}/{{name}}": {
            "patch": {
                "parameters": parameters,
                "responses": {},
                "x-kubernetes-group-version-kind": {
                    "group": r.group,
                    "version": r.version,
                    "kind": r.kind,
                },
            }
        }
        for r in RESOURCES
        if (r.group, r.version) == (group, version)
    }
    about = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": about, "paths": kinds}


def _group(group: str, version: str) -> Json:
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resource_list(group: str, version: str) -> Json:
    resources = [
        {
            "name": r.plural,
            "singularName": r.kind.lower(),
            "namespaced": r.namespaced,
            "kind": r.kind,
            "verbs": ["create"] if r in ASKED else _VERBS,
            "shortNames": list(r.short),
            "categories": ["all"] if r.group in {"apps", "batch"} or r is PODS else [],
        }
        for place, r in _BY_PLACE.items()
        if place[:2] == (group, version)
    ]
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }
