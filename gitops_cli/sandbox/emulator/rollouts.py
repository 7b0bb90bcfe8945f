"""The Deployment controller: ReplicaSets, rolling updates and their status.

The arithmetic is kube-controller-manager's (pkg/controller/deployment: rolling.go, sync.go,
progress.go), without proportional scaling and minReadySeconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gitops_cli.sandbox.emulator.events import record
from gitops_cli.sandbox.emulator.naming import template_hash
from gitops_cli.sandbox.emulator.pods import is_ready, is_retired, new_pod, owner_reference, retire
from gitops_cli.sandbox.emulator.resources import DEPLOYMENTS, PODS, REPLICASETS
from gitops_cli.sandbox.emulator.store import Store, controller_of, parse_stamp, stamp

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def advance_deployments(store: Store, now: float) -> float | None:
    """Take each Deployment one step further; return when the next deadline passes."""
    due = [_advance(store, deployment, now) for deployment in store.select(DEPLOYMENTS)]
    return min((moment for moment in due if moment is not None), default=None)


def advance_replicasets(store: Store) -> None:
    """Give each ReplicaSet the pods it wants and the status they make."""
    pods_of: dict[str | None, list[Json]] = {}
    for pod in store.select(PODS):
        if is_retired(pod):
            continue
        pods_of.setdefault(controller_of(pod), []).append(pod)
    for replicaset in store.select(REPLICASETS):
        _advance_replicaset(store, replicaset, pods_of.get(replicaset["metadata"]["uid"], []))


def _advance_replicaset(store: Store, replicaset: Json, pods: list[Json]) -> None:
    wanted = replicaset["spec"]["replicas"]
    for _ in range(wanted - len(pods)):
        template = replicaset["spec"]["template"]
        pods.append(new_pod(store, REPLICASETS, replicaset, template))
    pods.sort(key=is_ready)  # those that do not serve go first
    for pod in pods[: max(0, len(pods) - wanted)]:
        retire(store, pod)
    kept = pods[max(0, len(pods) - wanted) :]
    ready = sum(map(is_ready, kept))
    status = _counts(replicas=len(kept), fullyLabeledReplicas=len(kept))
    status |= _counts(readyReplicas=ready, availableReplicas=ready)
    status["observedGeneration"] = replicaset["metadata"]["generation"]
    store.replace(REPLICASETS, {**replicaset, "status": {"replicas": 0, **status}})


def _counts(**counts: int) -> Json:
    """Return the counts that are not zero: the API leaves out the others."""
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class _Sets:
    new: Json
    old: tuple[Json, ...]
    created: bool

    @property
    def all(self) -> tuple[Json, ...]:
        return (self.new, *self.old)


def _advance(store: Store, deployment: Json, now: float) -> float | None:
    sets = _replicasets(store, deployment)
    if sets is None:  # paused before it ever ran
        return None
    if not deployment["spec"].get("paused"):
        _scale(store, deployment, sets, now)
    return _report(store, deployment, sets, now)


def _replicasets(store: Store, deployment: Json) -> _Sets | None:
    """Return the Deployment's ReplicaSets, the one of its template first made if missing."""
    metadata = deployment["metadata"]
    uid, namespace = metadata["uid"], metadata["namespace"]
    owned = [r for r in store.select(REPLICASETS, namespace) if controller_of(r) == uid]
    digest = template_hash(deployment["spec"]["template"])
    new = next((r for r in owned if r["metadata"]["labels"][_HASH] == digest), None)
    old = sorted((r for r in owned if r is not new), key=_revision)
    if new is None and deployment["spec"].get("paused"):
        return _Sets(old[-1], tuple(old[:-1]), created=False) if old else None
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
    return _Sets(new, tuple(old), created)


def _is_empty(replicaset: Json) -> bool:
    return not (replicaset["spec"]["replicas"] or replicaset["status"].get("replicas"))


def _revision(replicaset: Json) -> int:
    return int(replicaset["metadata"]["annotations"][REVISION])


def _with_revision(store: Store, replicaset: Json, revision: int) -> Json:
    metadata = replicaset["metadata"]
    annotations = {**metadata["annotations"], REVISION: str(revision)}
    body = {**replicaset, "metadata": {**metadata, "annotations": annotations}}
    return store.replace(REPLICASETS, body)


def _new_replicaset(store: Store, deployment: Json, digest: str, revision: int) -> Json:
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


def _scale(store: Store, deployment: Json, sets: _Sets, now: float) -> None:
    """Grow the new ReplicaSet and shrink the old ones, as far as surge and availability allow."""
    wanted = deployment["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        for old in sets.old:
            _set_replicas(store, deployment, old, 0, now)
        if not _has_pods(store, sets.old):
            _set_replicas(store, deployment, sets.new, wanted, now)
        return
    surge, unavailable = _limits(deployment)
    total = sum(r["spec"]["replicas"] for r in sets.all)
    new = sets.new["spec"]["replicas"]
    if new > wanted:
        _set_replicas(store, deployment, sets.new, wanted, now)
    elif new < wanted and total < wanted + surge:
        _set_replicas(store, deployment, sets.new, min(wanted, new + wanted + surge - total), now)
    elif total:
        not_available = new - sets.new["status"].get("availableReplicas", 0)
        _shrink(store, deployment, sets.old, total - (wanted - unavailable) - not_available, now)


def _has_pods(store: Store, replicasets: tuple[Json, ...]) -> bool:
    uids = {replicaset["metadata"]["uid"] for replicaset in replicasets}
    return any(controller_of(pod) in uids for pod in store.select(PODS))


def _shrink(store: Store, deployment: Json, old: tuple[Json, ...], room: int, now: float) -> None:
    """Take up to `room` replicas from the old ReplicaSets, those that do not serve first."""
    broken = sorted(old, key=lambda r: r["status"].get("availableReplicas", 0))
    for replicaset in broken:
        current = replicaset["spec"]["replicas"]
        taken = min(current, max(0, room))
        if taken:
            _set_replicas(store, deployment, replicaset, current - taken, now)
            room -= taken


def _limits(deployment: Json) -> tuple[int, int]:
    """Return maxSurge and maxUnavailable in pods; never both 0."""
    wanted = deployment["spec"]["replicas"]
    rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
    surge = _pods(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _pods(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _pods(limit: int | str, wanted: int, *, up: bool) -> int:
    if isinstance(limit, int):
        return limit
    share = int(limit.removesuffix("%")) * wanted / 100
    return math.ceil(share) if up else math.floor(share)


def _set_replicas(
    store: Store, deployment: Json, replicaset: Json, wanted: int, now: float
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


def _report(store: Store, deployment: Json, sets: _Sets, now: float) -> float | None:
    """Write the Deployment's status; return when its progress deadline passes."""
    metadata = deployment["metadata"]
    annotations = {**(metadata.get("annotations") or {}), REVISION: str(_revision(sets.new))}
    status, deadline = _status(deployment, sets, now)
    body = {
        **deployment,
        "metadata": {**metadata, "annotations": annotations},
        "status": status,
    }
    store.replace(DEPLOYMENTS, body)
    return deadline


def _status(deployment: Json, sets: _Sets, now: float) -> tuple[Json, float | None]:
    wanted = deployment["spec"]["replicas"]
    counted = {
        key: sum(r["status"].get(key, 0) for r in sets.all)
        for key in ("replicas", "readyReplicas", "availableReplicas")
    }
    updated = sets.new["status"].get("replicas", 0)
    total = sum(r["spec"]["replicas"] for r in sets.all)
    unavailable = max(0, total - counted["availableReplicas"])
    status: Json = {
        "observedGeneration": deployment["metadata"]["generation"],
        **_counts(updatedReplicas=updated, unavailableReplicas=unavailable, **counted),
    }
    old = deployment["status"]
    complete = updated == counted["replicas"] == counted["availableReplicas"] == wanted
    progressing = _progressing(deployment, status, sets, complete=complete, now=now)
    _, allowed = _limits(deployment)
    available = _available(counted["availableReplicas"] >= wanted - allowed)
    status["conditions"] = [
        _with_times(available, old.get("conditions", []), now, moved=False),
        progressing,
    ]
    if complete or progressing["status"] == "False":
        return status, None
    return status, _deadline(deployment, progressing)


def _available(enough: bool) -> Json:
    if enough:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        reason = "MinimumReplicasUnavailable"
        message = "Deployment does not have minimum availability."
    return {"type": "Available", "status": str(enough), "reason": reason, "message": message}


def _progressing(
    deployment: Json, status: Json, sets: _Sets, *, complete: bool, now: float
) -> Json:
    name = sets.new["metadata"]["name"]
    conditions = deployment["status"].get("conditions", [])
    before: Json | None = next((c for c in conditions if c["type"] == "Progressing"), None)
    moved = _has_progressed(deployment["status"], status)
    if complete:
        reason, message = (
            "NewReplicaSetAvailable",
            f'ReplicaSet "{name}" has successfully progressed.',
        )
    elif sets.created or before is None:
        reason, message = "NewReplicaSetCreated", f'Created new replica set "{name}"'
    elif moved or before["reason"] == "NewReplicaSetAvailable":
        reason, message = "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'
    elif before["status"] == "False" or now >= _deadline(deployment, before):
        reason, message = (
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
        )
    else:
        return before
    condition = {
        "type": "Progressing",
        "status": str(reason != "ProgressDeadlineExceeded"),
        "reason": reason,
        "message": message,
    }
    return _with_times(condition, conditions, now, moved=moved)


def _has_progressed(old: Json, new: Json) -> bool:
    """Tell whether a rollout moved: more updated, ready or available pods, or fewer old ones."""
    old_pods = [s.get("replicas", 0) - s.get("updatedReplicas", 0) for s in (old, new)]
    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_pods[1] < old_pods[0] or any(new.get(k, 0) > old.get(k, 0) for k in grown)


def _deadline(deployment: Json, progressing: Json) -> float:
    allowed: int = deployment["spec"]["progressDeadlineSeconds"]
    return parse_stamp(progressing["lastUpdateTime"]) + allowed


def _with_times(condition: Json, known: list[Json], now: float, *, moved: bool) -> Json:
    """Return the condition with its times: kept as long as it says the same."""
    before = next((c for c in known if c["type"] == condition["type"]), None)
    if before is None:
        return {**condition, "lastUpdateTime": stamp(now), "lastTransitionTime": stamp(now)}
    same = all(before[key] == condition[key] for key in ("status", "reason", "message"))
    kept = before["status"] == condition["status"]
    return {
        **condition,
        "lastUpdateTime": before["lastUpdateTime"] if same and not moved else stamp(now),
        "lastTransitionTime": before["lastTransitionTime"] if kept else stamp(now),
    }
