"""The objects of the emulated cluster and the log of their changes, as etcd keeps them."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gitops_cli.sandbox.emulator.failures import conflict, not_found, too_old
from gitops_cli.sandbox.emulator.resources import ServedResource

Json = dict[str, Any]

REMEMBERED = 4096  # changes; a watch from before them is told to list again


class StoredChange(NamedTuple):
    """One write, as a watch sees it. `type` is ADDED, MODIFIED or DELETED."""

    revision: int
    type: str
    resource: ServedResource
    object: Json


class EmulatedObjects:
    """Objects by resource, namespace ("" for none) and name.

    Callers hold `lock` around a read that a write depends on. Stored objects are never changed in
    place: whoever wants another content puts another object.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], float] = time.time
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.revision = 100
        self._objects: dict[tuple[ServedResource, str, str], Json] = {}
        self._changes: deque[StoredChange] = deque(maxlen=REMEMBERED)

    def find(self, resource: ServedResource, namespace: str, name: str) -> Json | None:
        return self._objects.get((resource, namespace, name))

    def get(self, resource: ServedResource, namespace: str, name: str) -> Json:
        """Return the object; raises the API's 404."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def select(self, resource: ServedResource, namespace: str | None = None) -> list[Json]:
        """Return the objects of a namespace, or of all, by namespace and name."""
        with self.lock:
            keys = [
                key for key in self._objects if key[0] is resource and namespace in (None, key[1])
            ]
            return [self._objects[key] for key in sorted(keys, key=lambda key: key[1:])]

    def uids(self) -> set[str]:
        """Return the uid of every object."""
        return {body["metadata"]["uid"] for body in self._objects.values()}

    def create(self, resource: ServedResource, body: Json, *, dry_run: bool = False) -> Json:
        """Store a new object with the metadata that the server gives, or only return it."""
        metadata = {
            **body.get("metadata", {}),
            "uid": str(uuid.uuid4()),
            "creationTimestamp": stamp(self.clock()),
        }
        created = {**body, "metadata": metadata}
        return created if dry_run else self._write(resource, "ADDED", created)

    def replace(self, resource: ServedResource, body: Json, *, dry_run: bool = False) -> Json:
        """Store an object's new content; unchanged content is no write.

        Raises the API's 409 if the object names another resourceVersion than it has.
        """
        metadata = body["metadata"]
        name = metadata["name"]
        with self.lock:
            current = self.get(resource, metadata.get("namespace", ""), name)
            if metadata.get("resourceVersion") != current["metadata"]["resourceVersion"]:
                raise conflict(resource, name)
            if body == current or dry_run:
                return body
            return self._write(resource, "MODIFIED", body)

    def delete(self, resource: ServedResource, namespace: str, name: str) -> Json:
        """Remove an object and return its last content."""
        with self.lock:
            current = self.get(resource, namespace, name)
            del self._objects[resource, namespace, name]
            return self._log(resource, "DELETED", current)

    def empty(self, namespace: str) -> None:
        """Remove every object of a namespace."""
        with self.lock:
            for resource, place, name in list(self._objects):
                if place == namespace:
                    self.delete(resource, place, name)

    def wake(self) -> None:
        """Let whoever waits for a change look around."""
        with self.changed:
            self.changed.notify_all()

    def changes_since(self, revision: int) -> Iterator[StoredChange]:
        """Return what was written after `revision`; raises 410 if that is forgotten."""
        with self.lock:
            forgotten = len(self._changes) == REMEMBERED and self._changes[0].revision > revision
            if forgotten:
                raise too_old(revision)
            return iter([c for c in self._changes if c.revision > revision])

    def _write(self, resource: ServedResource, change: str, body: Json) -> Json:
        with self.lock:
            written = self._log(resource, change, body)
            metadata = written["metadata"]
            self._objects[resource, metadata.get("namespace", ""), metadata["name"]] = written
            return written

    def _log(self, resource: ServedResource, change: str, body: Json) -> Json:
        self.revision += 1
        metadata = {**body["metadata"], "resourceVersion": str(self.revision)}
        written = {**body, "metadata": metadata}
        self._changes.append(StoredChange(self.revision, change, resource, written))
        self.changed.notify_all()
        return written


def stamp(now: float) -> str:
    """Return a time as the API writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str) -> float:
    """Return the seconds of `stamp`."""
    return datetime.fromisoformat(text).timestamp()


def controller_of(body: Json) -> str | None:
    """Return the uid of the object that owns this one."""
    owners = body["metadata"].get("ownerReferences", [])
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)
