"""Events: what `kubectl describe` and `kubectl get events` tell about an object."""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.naming import suffix
from gitops_cli.sandbox.emulator.resources import EVENTS
from gitops_cli.sandbox.emulator.store import EmulatedObjects, stamp

Json = dict[str, Any]

_WARNINGS = {"Failed", "BackOff"}
_KEPT = 50  # in a namespace


def record(store: EmulatedObjects, about: Json, reason: str, message: str, *, now: float) -> None:
    """Add an event about an object; the oldest of its namespace make room."""
    metadata = about["metadata"]
    namespace = metadata["namespace"]
    kubelet = about["kind"] == "Pod"
    event = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": f"{metadata['name']}.{suffix()}{suffix()}", "namespace": namespace},
        "involvedObject": {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "namespace": namespace,
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        "type": "Warning" if reason in _WARNINGS else "Normal",
        "reason": reason,
        "message": message,
        "count": 1,
        "source": {"component": "kubelet" if kubelet else "deployment-controller"},
        "firstTimestamp": stamp(now),
        "lastTimestamp": stamp(now),
    }
    store.create(EVENTS, event)
    kept = sorted(
        store.select(EVENTS, namespace), key=lambda e: int(e["metadata"]["resourceVersion"])
    )
    for old in kept[:-_KEPT]:
        store.delete(EVENTS, namespace, old["metadata"]["name"])
