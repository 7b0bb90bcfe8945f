"""Watches: the changes to one kind of object, as they happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.sandbox.emulator.failures import ApiFailure
from gitops_cli.sandbox.emulator.resources import ServedResource
from gitops_cli.sandbox.emulator.selectors import Match
from gitops_cli.sandbox.emulator.store import EmulatedObjects, StoredChange

Json = dict[str, Any]

LONGEST = 1800.0  # seconds, where the client names no timeoutSeconds


class Watch(NamedTuple):
    """What is watched, and the form in which its objects are sent."""

    store: EmulatedObjects
    resource: ServedResource
    namespace: str | None
    match: Match
    shown: Callable[[Json], Json]

    def events(self, query: Mapping[str, str]) -> Iterator[Json]:
        """Yield events until timeoutSeconds have passed; `query` is the request's."""
        ends = time.monotonic() + float(query.get("timeoutSeconds") or LONGEST)
        asked = query.get("resourceVersion", "")
        complete = query.get("sendInitialEvents") == "true"
        if asked in {"", "0"} or complete:
            with self.store.lock:
                bodies = self.store.select(self.resource, self.namespace)
                revision = self.store.revision
            yield from (_event("ADDED", self.shown(b)) for b in bodies if self.match(b))
        else:
            revision = int(asked)
        if complete:
            yield self._bookmark(revision, {"k8s.io/initial-events-end": "true"})
        try:
            revision = yield from self._follow(revision, ends)
        except ApiFailure as failure:
            yield _event("ERROR", failure.status)
            return
        if query.get("allowWatchBookmarks") in {"1", "true"}:
            yield self._bookmark(revision)

    def _follow(self, revision: int, ends: float) -> Generator[Json, None, int]:
        while (left := ends - time.monotonic()) > 0:
            with self.store.changed:
                changes = list(self.store.changes_since(revision))
                if not changes:
                    self.store.changed.wait(left)
                    continue
            revision = changes[-1].revision
            for change in changes:
                if self._concerns(change):
                    yield _event(change.type, self.shown(change.object))
        return revision

    def _concerns(self, change: StoredChange) -> bool:
        namespace = change.object["metadata"].get("namespace", "")
        return (
            change.resource is self.resource
            and self.namespace in (None, namespace)
            and self.match(change.object)
        )

    def _bookmark(self, revision: int, annotations: Json | None = None) -> Json:
        metadata: Json = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        body = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "metadata": metadata,
        }
        return _event("BOOKMARK", body)


def _event(type_: str, body: Json) -> Json:
    return {"type": type_, "object": body}
