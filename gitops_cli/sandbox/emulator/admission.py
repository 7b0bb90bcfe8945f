"""Defaults and validation of workloads: the part of the API's that clients can notice."""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.failures import invalid
from gitops_cli.sandbox.emulator.resources import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    NAMESPACES,
    REPLICASETS,
    STATEFULSETS,
    ServedResource,
)

Json = dict[str, Any]
Problem = tuple[str, str, str]

_ROLLING = {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"}
_SPEC_DEFAULTS: dict[ServedResource, Json] = {
    DEPLOYMENTS: {
        "replicas": 1,
        "strategy": _ROLLING,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    REPLICASETS: {"replicas": 1},
    STATEFULSETS: {
        "replicas": 1,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "podManagementPolicy": "OrderedReady",
        "revisionHistoryLimit": 10,
    },
    DAEMONSETS: {
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
        },
        "revisionHistoryLimit": 10,
    },
    CRONJOBS: {"concurrencyPolicy": "Allow", "suspend": False},
    NAMESPACES: {"finalizers": ["kubernetes"]},
}
_POD_DEFAULTS = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER_DEFAULTS = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_WITH_SELECTOR = (DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS)


def admitted(resource: ServedResource, body: Json, old: Json | None = None) -> Json:
    """Return the object with the server's defaults; raises 422 for what it would not accept."""
    body = _without_nulls(body)
    if resource in _SPEC_DEFAULTS:
        body["spec"] = {**_SPEC_DEFAULTS[resource], **(body.get("spec") or {})}
    template = pod_template(resource, body)
    if template is not None:
        template["spec"] = {**_POD_DEFAULTS, **(template.get("spec") or {})}
        _default_containers(template["spec"])
    problems = _problems(resource, body, old)
    if problems:
        raise invalid(resource, body["metadata"].get("name", ""), problems)
    if resource is NAMESPACES:
        body.setdefault("status", {"phase": "Active"})
    elif template is not None:
        body.setdefault("status", {})
    return body


def _without_nulls(value: Any) -> Any:
    """Return a deep copy without null fields: typed objects do not have them."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def generation(resource: ServedResource, body: Json, old: Json | None) -> int | None:
    """Return the object's generation after a write; None for kinds without one.

    An annotation raises a Deployment's (its strategy's PrepareForUpdate), not the others'.
    """
    if pod_template(resource, body) is None:
        return None
    if old is None:
        return 1
    before: int = old["metadata"]["generation"]
    annotations = [o["metadata"].get("annotations") or {} for o in (body, old)]
    annotated = resource is DEPLOYMENTS and annotations[0] != annotations[1]
    return before + 1 if annotated or body["spec"] != old["spec"] else before


def pod_template(resource: ServedResource, body: Json) -> Json | None:
    """Return the pod template inside the object, if its kind has one."""
    spec = body.get("spec") or {}
    if resource is CRONJOBS:
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    elif resource not in _WITH_SELECTOR:
        return None
    template = spec.get("template")
    return template if isinstance(template, dict) else {}


def _default_containers(spec: Json) -> None:
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [
                {**_CONTAINER_DEFAULTS, "imagePullPolicy": _pull_policy(container), **container}
                for container in spec[key]
            ]


def _pull_policy(container: Json) -> str:
    tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def _problems(resource: ServedResource, body: Json, old: Json | None) -> list[Problem]:
    template = pod_template(resource, body)
    if template is None:
        return []
    spec = body["spec"]
    problems: list[Problem] = []
    replicas = spec.get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        told = f"Invalid value: {replicas}: must be greater than or equal to 0"
        problems.append(("spec.replicas", "FieldValueInvalid", told))
    if resource in _WITH_SELECTOR:
        problems += _selector_problems(spec, template, old)
    path = "spec.jobTemplate.spec.template" if resource is CRONJOBS else "spec.template"
    return problems + _container_problems(f"{path}.spec", template["spec"])


def _selector_problems(spec: Json, template: Json, old: Json | None) -> list[Problem]:
    labels = (template.get("metadata") or {}).get("labels") or {}
    selector = spec.get("selector")
    problems: list[Problem] = []
    if not selector:
        problems.append(("spec.selector", "FieldValueRequired", "Required value"))
    elif not (selector.get("matchLabels") or {}).items() <= labels.items():
        told = "Invalid value: `selector` does not match template `labels`"
        problems.append(("spec.template.metadata.labels", "FieldValueInvalid", told))
    if old is not None and selector != old["spec"]["selector"]:
        problems.append(("spec.selector", "FieldValueInvalid", "field is immutable"))
    return problems


def _container_problems(path: str, spec: Json) -> list[Problem]:
    if not spec.get("containers"):
        return [(f"{path}.containers", "FieldValueRequired", "Required value")]
    return [
        (f"{path}.{key}[{index}].{field}", "FieldValueRequired", "Required value")
        for key in ("initContainers", "containers")
        for index, container in enumerate(spec.get(key, []))
        for field in ("name", "image")
        if not container.get(field)
    ]
