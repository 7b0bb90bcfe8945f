"""`scale` of a Deployment, `log` of a pod, and why nothing is executed in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_cli.sandbox.emulator.failures import ApiFailure, bad_request

Json = dict[str, Any]
_TRUE = ("true", "1")


def scale_of(deployment: Json) -> Json:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = deployment["spec"]["selector"].get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: deployment["metadata"][key] for key in kept},
        "spec": {"replicas": deployment["spec"]["replicas"]},
        "status": {
            "replicas": deployment["status"].get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def scaled(deployment: Json, scale: Json) -> Json:
    """Return the Deployment with the replicas of a written Scale."""
    spec = {**deployment["spec"], "replicas": scale["spec"].get("replicas", 0)}
    return {**deployment, "spec": spec}


def log_of(pod: Json, query: Mapping[str, str]) -> str:
    """Return what a container is said to have written; raises 400 while it waits."""
    name = pod["metadata"]["name"]
    statuses = {
        status["name"]: status
        for key in ("containerStatuses", "initContainerStatuses")
        for status in pod["status"].get(key, ())
    }
    chosen = query.get("container") or next(iter(statuses), "")
    if chosen not in statuses:
        raise bad_request(f"container {chosen} is not valid for pod {name}")
    if query.get("previous") in _TRUE:
        raise bad_request(f'previous terminated container "{chosen}" in pod "{name}" not found')
    state = statuses[chosen]["state"]
    waiting = state.get("waiting")
    if waiting is None:
        said = f"{statuses[chosen]['image']} is up (the sandbox runs no containers)\n"
        at = f"{state.get('running', {}).get('startedAt', '')} "
        line = at + said if query.get("timestamps") in _TRUE else said
        return line if query.get("tailLines") != "0" else ""
    why = "trying and failing to pull image" if "Pull" in waiting["reason"] else waiting["reason"]
    raise bad_request(f'container "{chosen}" in pod "{name}" is waiting to start: {why}')


def nothing_to_enter(pod: Json) -> ApiFailure:
    """Return the answer to who wants to run something in a pod."""
    name = pod["metadata"]["name"]
    return bad_request(f"the sandbox runs no containers: pod {name} has nothing to enter")
