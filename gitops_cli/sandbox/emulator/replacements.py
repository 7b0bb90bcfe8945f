"""StatefulSets and DaemonSets: their pods are replaced one by one, never doubled."""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.naming import template_hash
from gitops_cli.sandbox.emulator.pods import is_ready, new_pod, retire
from gitops_cli.sandbox.emulator.resources import DAEMONSETS, PODS, STATEFULSETS, ServedResource
from gitops_cli.sandbox.emulator.store import EmulatedObjects, controller_of

Json = dict[str, Any]

_HASH = "controller-revision-hash"


def advance_replacements(store: EmulatedObjects) -> None:
    """Take each StatefulSet and DaemonSet one step further."""
    for resource in (STATEFULSETS, DAEMONSETS):
        for body in store.select(resource):
            _advance(store, resource, body)


def _advance(store: EmulatedObjects, resource: ServedResource, body: Json) -> None:
    metadata = body["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    revision = f"{name}-{template_hash(body['spec']['template'])}"
    owned = [p for p in store.select(PODS, namespace) if controller_of(p) == metadata["uid"]]
    # A DaemonSet has one pod here: the sandbox has one node.
    wanted = body["spec"]["replicas"] if resource is STATEFULSETS else 1
    names = [f"{name}-{index}" for index in range(wanted)]
    pods = {pod["metadata"]["name"]: pod for pod in owned}
    for pod_name in [pod_name for pod_name in pods if pod_name not in names]:
        retire(store, pods.pop(pod_name))
    _report(store, resource, body, list(pods.values()), wanted, revision)
    if not all(map(is_ready, pods.values())):
        broken = [p for p in pods.values() if not is_ready(p) and _revision(p) != revision]
        if broken and _rolls(body):
            retire(store, broken[0])
        return
    missing = next((pod_name for pod_name in names if pod_name not in pods), None)
    if missing is not None:
        _create(store, resource, body, revision, missing)
        return
    outdated = [p for p in reversed(list(pods.values())) if _revision(p) != revision]
    if outdated and _rolls(body):
        retire(store, outdated[0])


def _rolls(body: Json) -> bool:
    return bool(body["spec"]["updateStrategy"]["type"] == "RollingUpdate")


def _revision(pod: Json) -> str:
    return str(pod["metadata"]["labels"][_HASH])


def _create(
    store: EmulatedObjects, resource: ServedResource, body: Json, revision: str, name: str
) -> None:
    template = body["spec"]["template"]
    labels = {**template["metadata"]["labels"], _HASH: revision}
    labelled = {**template, "metadata": {**template["metadata"], "labels": labels}}
    new_pod(store, resource, body, labelled, name=name)


def _report(
    store: EmulatedObjects,
    resource: ServedResource,
    body: Json,
    pods: list[Json],
    wanted: int,
    revision: str,
) -> None:
    ready = sum(map(is_ready, pods))
    updated = [pod for pod in pods if _revision(pod) == revision]
    status: Json = {"observedGeneration": body["metadata"]["generation"]}
    if resource is STATEFULSETS:
        complete = len(updated) == wanted and all(map(is_ready, updated))
        before = body["status"].get("currentRevision", revision)
        status |= {
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": len(pods) if complete else len(pods) - len(updated),
            "updatedReplicas": len(updated),
            "currentRevision": revision if complete else before,
            "updateRevision": revision,
            "collisionCount": 0,
        }
    else:
        status |= {
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": len(pods),
            "updatedNumberScheduled": len(updated),
            "numberReady": ready,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
        }
        if ready < wanted:
            status["numberUnavailable"] = wanted - ready
    store.replace(resource, {**body, "status": status})
