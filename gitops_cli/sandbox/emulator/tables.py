"""The `Table` form of an answer, which is what `kubectl get` prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from gitops_cli.sandbox.emulator.resources import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    STATEFULSETS,
    ServedResource,
)
from gitops_cli.sandbox.emulator.store import seconds_of

Json = dict[str, Any]
# Name, type, and the cell's value; a name in brackets is shown by `-o wide` only.
Column = tuple[str, str, Callable[[Json], Any]]


def table(resource: ServedResource, bodies: Sequence[Json], *, revision: str, include: str) -> Json:
    """Return the objects as rows; `include` is None, Metadata or Object, as the client asks."""
    columns = _COLUMNS.get(resource, _PLAIN)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": revision},
        "columnDefinitions": [_definition(name, type_) for name, type_, _ in columns],
        "rows": [
            {"cells": [cell(body) for _, _, cell in columns], "object": _included(body, include)}
            for body in bodies
        ],
    }


def _definition(name: str, type_: str) -> Json:
    return {
        "name": name.strip("()"),
        "type": type_,
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 1 if name.startswith("(") else 0,
    }


def _included(body: Json, include: str) -> Json | None:
    match include:
        case "None":
            return None
        case "Object":
            return body
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": body["metadata"],
    }


def _name(body: Json) -> str:
    return str(body["metadata"]["name"])


def _since(key: str) -> Callable[[Json], str]:
    return lambda body: _duration(time.time() - seconds_of(body.get(key) or _created(body)))


def _created(body: Json) -> str:
    return str(body["metadata"]["creationTimestamp"])


def _duration(seconds: float) -> str:
    """Return an age as kubectl writes it: two minutes exactly, three days roughly."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole}s"
    if whole < 600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if whole < 3 * 3600:
        return f"{whole // 60}m"
    return f"{whole // 3600}h" if whole < 48 * 3600 else f"{whole // 86400}d"


def _status(key: str, default: Any = 0) -> Callable[[Json], Any]:
    return lambda body: (body.get("status") or {}).get(key, default)


def _spec(key: str, default: Any = 0) -> Callable[[Json], Any]:
    return lambda body: (body.get("spec") or {}).get(key, default)


def _ready_of_replicas(body: Json) -> str:
    return f"{_status('readyReplicas')(body)}/{body['spec']['replicas']}"


def _containers(body: Json) -> list[Json]:
    spec = body["spec"].get("jobTemplate", body)["spec"]
    return list(spec["template"]["spec"].get("containers", []))


def _container_names(body: Json) -> str:
    return ",".join(container["name"] for container in _containers(body))


def _images(body: Json) -> str:
    return ",".join(container["image"] for container in _containers(body))


def _selector(body: Json) -> str:
    labels = body["spec"].get("selector", {}).get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _pod_ready(body: Json) -> str:
    statuses = body["status"].get("containerStatuses", [])
    return f"{sum(s['ready'] for s in statuses)}/{len(body['spec']['containers'])}"


def _pod_status(body: Json) -> str:
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    for status in body["status"].get("containerStatuses", []):
        waiting = status["state"].get("waiting")
        if waiting:
            return str(waiting["reason"])
    return str(body["status"]["phase"])


def _about(body: Json) -> str:
    target = body["involvedObject"]
    return f"{target['kind'].lower()}/{target['name']}"


_NAME: Column = ("Name", "string", _name)
_AGE: Column = ("Age", "string", _since("creationTimestamp"))
_TEMPLATE: tuple[Column, ...] = (
    ("(Containers)", "string", _container_names),
    ("(Images)", "string", _images),
    ("(Selector)", "string", _selector),
)
_PLAIN: tuple[Column, ...] = (_NAME, _AGE)
_COLUMNS: dict[ServedResource, tuple[Column, ...]] = {
    NAMESPACES: (_NAME, ("Status", "string", _status("phase", "Active")), _AGE),
    DEPLOYMENTS: (
        _NAME,
        ("Ready", "string", _ready_of_replicas),
        ("Up-to-date", "integer", _status("updatedReplicas")),
        ("Available", "integer", _status("availableReplicas")),
        _AGE,
        *_TEMPLATE,
    ),
    REPLICASETS: (
        _NAME,
        ("Desired", "integer", _spec("replicas")),
        ("Current", "integer", _status("replicas")),
        ("Ready", "integer", _status("readyReplicas")),
        _AGE,
        *_TEMPLATE,
    ),
    STATEFULSETS: (_NAME, ("Ready", "string", _ready_of_replicas), _AGE, *_TEMPLATE[:2]),
    DAEMONSETS: (
        _NAME,
        ("Desired", "integer", _status("desiredNumberScheduled")),
        ("Current", "integer", _status("currentNumberScheduled")),
        ("Ready", "integer", _status("numberReady")),
        ("Up-to-date", "integer", _status("updatedNumberScheduled")),
        ("Available", "integer", _status("numberAvailable")),
        _AGE,
        *_TEMPLATE,
    ),
    CRONJOBS: (
        _NAME,
        ("Schedule", "string", _spec("schedule", "")),
        ("Suspend", "boolean", _spec("suspend", False)),
        _AGE,
        *_TEMPLATE[:2],
    ),
    PODS: (
        _NAME,
        ("Ready", "string", _pod_ready),
        ("Status", "string", _pod_status),
        ("Restarts", "string", lambda _: "0"),
        _AGE,
        ("(IP)", "string", _status("podIP", "<none>")),
        ("(Node)", "string", _spec("nodeName", "<none>")),
    ),
    EVENTS: (
        ("Last Seen", "string", _since("lastTimestamp")),
        ("Type", "string", lambda body: body["type"]),
        ("Reason", "string", lambda body: body["reason"]),
        ("Object", "string", _about),
        ("Message", "string", lambda body: body["message"]),
    ),
}
