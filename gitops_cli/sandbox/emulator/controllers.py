"""The loop that makes the cluster follow its objects."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from gitops_cli.sandbox.emulator.pods import Node
from gitops_cli.sandbox.emulator.replacements import advance_replacements
from gitops_cli.sandbox.emulator.resources import PODS, REPLICASETS
from gitops_cli.sandbox.emulator.rollouts import advance_deployments, advance_replicasets
from gitops_cli.sandbox.emulator.store import Store, controller_of

# Seconds between a write and the controllers' seeing it, as on a real cluster: long enough that a
# client which does not compare observedGeneration takes the old status for the new one.
LATENCY = 0.15


@dataclass(slots=True)
class Controllers:
    """All controllers and the one node, over a store."""

    store: Store
    node: Node

    def settle(self) -> float | None:
        """Do all that can be done by now; return when there is more to do."""
        now = self.store.clock()
        with self.store.lock:
            while True:
                before = self.store.revision
                _collect_orphans(self.store)
                deadline = advance_deployments(self.store, now)
                advance_replicasets(self.store)
                advance_replacements(self.store)
                node = self.node.advance(now)
                if self.store.revision == before:
                    due = [moment for moment in (deadline, node) if moment is not None]
                    return min(due, default=None)

    def run(self, stopping: threading.Event) -> None:
        """Follow the store until told to stop."""
        while not stopping.is_set():
            due = self.settle()
            seen = self.store.revision
            with self.store.changed:
                left = 1.0 if due is None else max(0.01, min(1.0, due - time.time()))
                if self.store.revision == seen:
                    self.store.changed.wait(left)
            if self.store.revision != seen:
                stopping.wait(LATENCY)


def _collect_orphans(store: Store) -> None:
    """Delete what belonged to an object that is gone."""
    for resource in (REPLICASETS, PODS):
        known = store.uids()
        for body in store.select(resource):
            owner = controller_of(body)
            if owner is not None and owner not in known:
                metadata = body["metadata"]
                store.delete(resource, metadata["namespace"], metadata["name"])
