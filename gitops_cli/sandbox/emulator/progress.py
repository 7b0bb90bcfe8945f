"""A Deployment's status: counts and conditions, as progress.go and sync.go compute them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gitops_cli.sandbox.emulator.store import seconds_of, stamp

Json = dict[str, Any]


class Sets(NamedTuple):
    """A Deployment's ReplicaSets; `created`: the new one is new in this very step."""

    new: Json
    old: tuple[Json, ...]
    created: bool

    @property
    def all(self) -> tuple[Json, ...]:
        """Return the new one and the old ones."""
        return (self.new, *self.old)


def without_zeros(**counts: int) -> Json:
    """Return the counts that are not zero: the API leaves out the others."""
    return {name: count for name, count in counts.items() if count}


def limits(deployment: Json) -> tuple[int, int]:
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


def status_of(deployment: Json, sets: Sets, now: float) -> tuple[Json, float | None]:
    """Return the status, and when the deadline for progress passes, if one runs."""
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
        **without_zeros(updatedReplicas=updated, unavailableReplicas=unavailable, **counted),
    }
    old = deployment["status"]
    complete = updated == counted["replicas"] == counted["availableReplicas"] == wanted
    progressing = _progressing(deployment, status, sets, complete=complete, now=now)
    _, allowed = limits(deployment)
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


def _progressing(deployment: Json, status: Json, sets: Sets, *, complete: bool, now: float) -> Json:
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
    return seconds_of(progressing["lastUpdateTime"]) + allowed


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
