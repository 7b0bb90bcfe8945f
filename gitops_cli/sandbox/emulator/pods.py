"""The emulated node: what becomes of a pod, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gitops_cli.sandbox.emulator.events import record
from gitops_cli.sandbox.emulator.naming import suffix
from gitops_cli.sandbox.emulator.resources import PODS, ServedResource
from gitops_cli.sandbox.emulator.store import EmulatedObjects, stamp

Json = dict[str, Any]
# Says why an image cannot be pulled; None if it can.
PullProblem = Callable[[str], str | None]

NODE = "sandbox-node"
PULLS = 0.7  # seconds from a pod's creation until its containers run, or their pull fails
TERMINATES = 0.4  # times that for a pod's end
BACKS_OFF = 1.2  # times that from the failed pull until the node waits before it tries again


@dataclass(slots=True)
class Node:
    """Runs pods without containers; remembers when each was created, to the fraction."""

    store: EmulatedObjects
    pull_problem: PullProblem
    pulls: float = PULLS
    _born: dict[str, float] = field(default_factory=dict)
    _retired: dict[str, float] = field(default_factory=dict)

    def advance(self, now: float) -> float | None:
        """Move every pod to where it is at `now`; return when the next one changes."""
        pods = self.store.select(PODS)
        retired = [pod for pod in pods if is_retired(pod)]
        self._born = {uid: self._born.get(uid, now) for uid in map(_uid, pods)}
        self._retired = {uid: self._retired.get(uid, now) for uid in map(_uid, retired)}
        due = [self._end(pod, now) if is_retired(pod) else self._advance(pod, now) for pod in pods]
        return min((moment for moment in due if moment is not None), default=None)

    def _end(self, pod: Json, now: float) -> float | None:
        ends = self._retired[_uid(pod)] + self.pulls * TERMINATES
        if now < ends:
            return ends
        self.store.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        return None

    def _advance(self, pod: Json, now: float) -> float | None:
        pulled = self._born[_uid(pod)] + self.pulls
        gives_up = pulled + self.pulls * BACKS_OFF
        phase, reason = pod["status"]["phase"], _waiting_reason(pod)
        if phase == "Running" or reason == "ImagePullBackOff":
            return None
        if now < pulled:
            if phase == "Pending" and reason is None:
                self._put(pod, _creating(pod, now))
                record(self.store, pod, "Scheduled", _assigned(pod), now=now)
            return pulled
        problems = {image: self.pull_problem(image) for image in _images(pod)}
        broken = next((image for image, problem in problems.items() if problem), None)
        if broken is None:
            self._put(pod, _running(pod, now))
            record(self.store, pod, "Started", f"Started container {_first(pod)}", now=now)
            return None
        problem = problems[broken] or ""
        if now < gives_up:
            if reason != "ErrImagePull":
                self._put(pod, _failing(pod, "ErrImagePull", problem, now))
                record(self.store, pod, "Failed", f"Failed to pull image: {problem}", now=now)
            return gives_up
        message = f'Back-off pulling image "{broken}": ErrImagePull: {problem}'
        self._put(pod, _failing(pod, "ImagePullBackOff", message, now))
        record(self.store, pod, "BackOff", message, now=now)
        return None

    def _put(self, pod: Json, status: Json) -> None:
        spec = {**pod["spec"], "nodeName": NODE}
        self.store.replace(PODS, {**pod, "spec": spec, "status": {**pod["status"], **status}})


def new_pod(
    store: EmulatedObjects,
    owner_resource: ServedResource,
    owner: Json,
    template: Json,
    *,
    name: str = "",
) -> Json:
    """Create a pod of `template` that belongs to `owner`, named after it."""
    owner_name = owner["metadata"]["name"]
    metadata = {
        "name": name or f"{owner_name}-{suffix()}",
        "generateName": f"{owner_name}-",
        "namespace": owner["metadata"]["namespace"],
        "labels": dict((template.get("metadata") or {}).get("labels") or {}),
        "annotations": dict((template.get("metadata") or {}).get("annotations") or {}),
        "ownerReferences": [owner_reference(owner_resource, owner)],
    }
    body = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": template["spec"],
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }
    return store.create(PODS, body)


def retire(store: EmulatedObjects, pod: Json) -> Json:
    """Begin a pod's end, as a DELETE does: the node removes it when its containers have stopped."""
    if is_retired(pod):
        return pod
    metadata = {**pod["metadata"], "deletionTimestamp": stamp(store.clock())}
    return store.replace(PODS, {**pod, "metadata": metadata})


def is_retired(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def owner_reference(resource: ServedResource, owner: Json) -> Json:
    """Return what stands in `ownerReferences` of an object that `owner` controls."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_ready(pod: Json) -> bool:
    """Tell whether the pod serves: its Ready condition is true, and it is not ending."""
    conditions = pod["status"].get("conditions", [])
    return not is_retired(pod) and any(
        c["type"] == "Ready" and c["status"] == "True" for c in conditions
    )


def _uid(pod: Json) -> str:
    return str(pod["metadata"]["uid"])


def _images(pod: Json) -> list[str]:
    spec = pod["spec"]
    return [c["image"] for c in (*spec.get("initContainers", []), *spec["containers"])]


def _first(pod: Json) -> str:
    return str(pod["spec"]["containers"][0]["name"])


def _assigned(pod: Json) -> str:
    place = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return f"Successfully assigned {place} to {NODE}"


def _waiting_reason(pod: Json) -> str | None:
    for status in pod["status"].get("containerStatuses", []):
        if "waiting" in status["state"]:
            return str(status["state"]["waiting"]["reason"])
    return None


def _creating(pod: Json, now: float) -> Json:
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    return {
        "startTime": stamp(now),
        "hostIP": "127.0.0.1",
        "conditions": _conditions(now, ready=False),
        **_container_statuses(pod, waiting, ready=False),
    }


def _failing(pod: Json, reason: str, message: str, now: float) -> Json:
    waiting = {"waiting": {"reason": reason, "message": message}}
    return {
        "conditions": _conditions(now, ready=False),
        **_container_statuses(pod, waiting, ready=False),
    }


def _running(pod: Json, now: float) -> Json:
    running = {"running": {"startedAt": stamp(now)}}
    number = int(_uid(pod)[:4], 16)
    return {
        "phase": "Running",
        "podIP": f"10.128.{number >> 8}.{number & 255}",
        "conditions": _conditions(now, ready=True),
        **_container_statuses(pod, running, ready=True),
    }


def _container_statuses(pod: Json, state: Json, *, ready: bool) -> Json:
    spec = pod["spec"]
    main = [_container_status(c, state, ready=ready) for c in spec["containers"]]
    if "initContainers" not in spec:
        return {"containerStatuses": main}
    done = {"terminated": {"exitCode": 0, "reason": "Completed"}} if ready else state
    first = [_container_status(c, done, ready=ready) for c in spec["initContainers"]]
    return {"initContainerStatuses": first, "containerStatuses": main}


def _container_status(container: Json, state: Json, *, ready: bool) -> Json:
    image = container["image"]
    return {
        "name": container["name"],
        "image": image,
        "imageID": image_id(image) if ready else "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }


def image_id(image: str) -> str:
    """Return the repository and digest that a node reports for a pulled image."""
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    return f"{repository}@{digest or f'sha256:{hashlib.sha256(image.encode()).hexdigest()}'}"


def _conditions(now: float, *, ready: bool) -> list[Json]:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(now)}
    initialized = {"type": "Initialized", "status": "True", "lastTransitionTime": stamp(now)}
    rest: Json = (
        {"status": "True"} if ready else {"status": "False", "reason": "ContainersNotReady"}
    )
    return [
        scheduled,
        initialized,
        {"type": "ContainersReady", **rest, "lastTransitionTime": stamp(now)},
        {"type": "Ready", **rest, "lastTransitionTime": stamp(now)},
    ]
