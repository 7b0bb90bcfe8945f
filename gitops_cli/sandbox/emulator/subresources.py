"""`scale` of a Deployment and `log` of a pod."""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.failures import bad_request

Json = dict[str, Any]


def scale_of(deployment: Json) -> Json:
    """Return the Deployment's Scale."""
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


def log_of(pod: Json, container: str | None) -> str:
    """Return what the container is said to have written; raises 400 while it waits."""
    statuses = {status["name"]: status for status in pod["status"]["containerStatuses"]}
    chosen = container or next(iter(statuses))
    if chosen not in statuses:
        told = f"container {chosen} is not valid for pod {pod['metadata']['name']}"
        raise bad_request(told)
    waiting = statuses[chosen]["state"].get("waiting")
    if waiting is None:
        return f"{statuses[chosen]['image']} is up (the sandbox runs no containers)\n"
    why = "trying and failing to pull image" if "Pull" in waiting["reason"] else waiting["reason"]
    told = f'container "{chosen}" in pod "{pod["metadata"]["name"]}" is waiting to start: {why}'
    raise bad_request(told)
