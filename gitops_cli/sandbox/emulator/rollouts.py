"""The Deployment controller: ReplicaSets, rolling updates and their status.

The arithmetic is kube-controller-manager's (pkg/controller/deployment: rolling.go, sync.go,
progress.go), without proportional scaling and minReadySeconds.
"""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.events import record
from gitops_cli.sandbox.emulator.naming import template_hash
from gitops_cli.sandbox.emulator.pods import is_ready, is_retired, new_pod, owner_reference, retire
from gitops_cli.sandbox.emulator.progress import Sets, limits, status_of, without_zeros
from gitops_cli.sandbox.emulator.resources import DEPLOYMENTS, PODS, REPLICASETS
from gitops_cli.sandbox.emulator.store import EmulatedObjects, controller_of

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def advance_deployments(store: EmulatedObjects, now: float) -> float | None:
    """Take each Deployment one step further; return when the next deadline passes."""
    due = [_advance(store, deployment, now) for deployment in store.select(DEPLOYMENTS)]
    return min((moment for moment in due if moment is not None), default=None)


def advance_replicasets(store: EmulatedObjects) -> None:
    """Give each ReplicaSet the pods it wants and the status they make."""
    pods_of: dict[str | None, list[Json]] = {}
    for pod in store.select(PODS):
        if is_retired(pod):
            continue
        pods_of.setdefault(controller_of(pod), []).append(pod)
    for replicaset in store.select(REPLICASETS):
        _advance_replicaset(store, replicaset, pods_of.get(replicaset["metadata"]["uid"], []))


def _advance_replicaset(store: EmulatedObjects, replicaset: Json, pods: list[Json]) -> None:
    wanted = replicaset["spec"]["replicas"]
    for _ in range(wanted - len(pods)):
        template = replicaset["spec"]["template"]
        pods.append(new_pod(store, REPLICASETS, replicaset, template))
    pods.sort(key=is_ready)  # those that do not serve go first
    for pod in pods[: max(0, len(pods) - wanted)]:
        retire(store, pod)
    kept = pods[max(0, len(pods) - wanted) :]
    ready = sum(map(is_ready, kept))
    status = without_zeros(replicas=len(kept), fullyLabeledReplicas=len(kept))
    status |= without_zeros(readyReplicas=ready, availableReplicas=ready)
    status["observedGeneration"] = replicaset["metadata"]["generation"]
    store.replace(REPLICASETS, {**replicaset, "status": {"replicas": 0, **status}})


def _advance(store: EmulatedObjects, deployment: Json, now: float) -> float | None:
    sets = _replicasets(store, deployment)
    if sets is None:  # paused before it ever ran
        return None
    if not deployment["spec"].get("paused"):
        _scale(store, deployment, sets, now)
    return _report(store, deployment, sets, now)


def _replicasets(store: EmulatedObjects, deployment: Json) -> Sets | None:
    """Return the Deployment's ReplicaSets, the one of its template first made if missing."""
    metadata = deployment["metadata"]
    uid, namespace = metadata["uid"], metadata["namespace"]
    owned = [r for r in store.select(REPLICASETS, namespace) if controller_of(r) == uid]
    digest = template_hash(deployment["spec"]["template"])
    new = next((r for r in owned if r["metadata"]["labels"][_HASH] == digest), None)
    old = sorted((r for r in owned if r is not new), key=_revision)
    if new is None and deployment["spec"].get("paused"):
        return Sets(old[-1], tuple(old[:-1]), created=False) if old else None
    revision = max(map(_revision, old), default=0) + 1
    created = new is None
    if new is None:
        new = _new_replicaset(store, deployment, digest, revision)
    elif _revision(new) < revision:  # a rollback revives an old one
        new = _with_revision(store, new, revision)
    empty = [r for r in old if _is_empty(r)]
    for forgotten in empty[: max(0, len(empty) - deployment["spec"]["revisionHistoryLimit"])]:
        store.delete(REPLICASETS, namespace, forgotten["metadata"]["name"])
        old.remove(forgotten)
    return Sets(new, tuple(old), created)


def _is_empty(replicaset: Json) -> bool:
    return not (replicaset["spec"]["replicas"] or replicaset["status"].get("replicas"))


def _revision(replicaset: Json) -> int:
    return int(replicaset["metadata"]["annotations"][REVISION])


def _with_revision(store: EmulatedObjects, replicaset: Json, revision: int) -> Json:
    metadata = replicaset["metadata"]
    annotations = {**metadata["annotations"], REVISION: str(revision)}
    body = {**replicaset, "metadata": {**metadata, "annotations": annotations}}
    return store.replace(REPLICASETS, body)


def _new_replicaset(store: EmulatedObjects, deployment: Json, digest: str, revision: int) -> Json:
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = {
        **spec["template"],
        "metadata": {
            **(spec["template"].get("metadata") or {}),
            "labels": {**spec["template"]["metadata"]["labels"], _HASH: digest},
        },
    }
    selector = {"matchLabels": {**spec["selector"].get("matchLabels", {}), _HASH: digest}}
    annotations = {**_copied_annotations(deployment), REVISION: str(revision)}
    body = {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
            "generation": 1,
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    }
    return store.create(REPLICASETS, body)


def _copied_annotations(deployment: Json) -> Json:
    annotations = deployment["metadata"].get("annotations") or {}
    skipped = {REVISION, "kubectl.kubernetes.io/last-applied-configuration"}
    return {key: value for key, value in annotations.items() if key not in skipped}


def _scale(store: EmulatedObjects, deployment: Json, sets: Sets, now: float) -> None:
    """Grow the new ReplicaSet and shrink the old ones, as far as surge and availability allow."""
    wanted = deployment["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        for old in sets.old:
            _set_replicas(store, deployment, old, 0, now)
        if not _has_pods(store, sets.old):
            _set_replicas(store, deployment, sets.new, wanted, now)
        return
    surge, unavailable = limits(deployment)
    total = sum(r["spec"]["replicas"] for r in sets.all)
    new = sets.new["spec"]["replicas"]
    if new > wanted:
        _set_replicas(store, deployment, sets.new, wanted, now)
    elif new < wanted and total < wanted + surge:
        _set_replicas(store, deployment, sets.new, min(wanted, new + wanted + surge - total), now)
    elif total:
        not_available = new - sets.new["status"].get("availableReplicas", 0)
        _shrink(store, deployment, sets.old, total - (wanted - unavailable) - not_available, now)


def _has_pods(store: EmulatedObjects, replicasets: tuple[Json, ...]) -> bool:
    uids = {replicaset["metadata"]["uid"] for replicaset in replicasets}
    return any(controller_of(pod) in uids for pod in store.select(PODS))


def _shrink(
    store: EmulatedObjects, deployment: Json, old: tuple[Json, ...], room: int, now: float
) -> None:
    """Take up to `room` replicas from the old ReplicaSets, those that do not serve first."""
    broken = sorted(old, key=lambda r: r["status"].get("availableReplicas", 0))
    for replicaset in broken:
        current = replicaset["spec"]["replicas"]
        taken = min(current, max(0, room))
        if taken:
            _set_replicas(store, deployment, replicaset, current - taken, now)
            room -= taken


def _set_replicas(
    store: EmulatedObjects, deployment: Json, replicaset: Json, wanted: int, now: float
) -> None:
    current = replicaset["spec"]["replicas"]
    if wanted == current:
        return
    metadata = {
        **replicaset["metadata"],
        "generation": replicaset["metadata"]["generation"] + 1,
    }
    spec = {**replicaset["spec"], "replicas": wanted}
    store.replace(REPLICASETS, {**replicaset, "metadata": metadata, "spec": spec})
    way = "up" if wanted > current else "down"
    name = replicaset["metadata"]["name"]
    message = f"Scaled {way} replica set {name} from {current} to {wanted}"
    record(store, deployment, "ScalingReplicaSet", message, now=now)


def _report(store: EmulatedObjects, deployment: Json, sets: Sets, now: float) -> float | None:
    """Write the Deployment's status; return when its progress deadline passes."""
    metadata = deployment["metadata"]
    annotations = {**(metadata.get("annotations") or {}), REVISION: str(_revision(sets.new))}
    status, deadline = status_of(deployment, sets, now)
    body = {
        **deployment,
        "metadata": {**metadata, "annotations": annotations},
        "status": status,
    }
    store.replace(DEPLOYMENTS, body)
    return deadline
