"""The loop that makes the cluster follow its objects."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from gitops_cli.sandbox.emulator.pods import Node, retire
from gitops_cli.sandbox.emulator.replacements import advance_replacements
from gitops_cli.sandbox.emulator.resources import PODS, REPLICASETS
from gitops_cli.sandbox.emulator.rollouts import advance_deployments, advance_replicasets
from gitops_cli.sandbox.emulator.store import EmulatedObjects, controller_of

# Seconds between two steps of the controllers, as on a real cluster each hears of the others' work
# a moment later: long enough that a client which does not compare observedGeneration takes the old
# status for the new one.
STEP = 0.05


@dataclass(slots=True)
class Controllers:
    """All controllers and the one node, over a store."""

    store: EmulatedObjects
    node: Node

    def step(self) -> float | None:
        """Let each controller look once; return when there is more to do without a change."""
        now = self.store.clock()
        with self.store.lock:
            _collect_orphans(self.store)
            deadline = advance_deployments(self.store, now)
            advance_replicasets(self.store)
            advance_replacements(self.store)
            due = [moment for moment in (deadline, self.node.advance(now)) if moment is not None]
            return min(due, default=None)

    def settle(self) -> float | None:
        """Step until nothing changes; return when there is more to do."""
        while True:
            before = self.store.revision
            due = self.step()
            if self.store.revision == before:
                return due

    def run(self, stopping: threading.Event) -> None:
        """Follow the store until told to stop."""
        while not stopping.is_set():
            before = self.store.revision
            due = self.step()
            with self.store.changed:
                if self.store.revision == before:
                    left = 1.0 if due is None else due - time.time()
                    self.store.changed.wait(max(0.01, min(1.0, left)))
            stopping.wait(STEP)


def _collect_orphans(store: EmulatedObjects) -> None:
    """Delete what belonged to an object that is gone."""
    for resource in (REPLICASETS, PODS):
        known = store.uids()
        for body in store.select(resource):
            owner = controller_of(body)
            if owner is not None and owner not in known:
                if resource is PODS:
                    retire(store, body)
                else:
                    store.delete(resource, body["metadata"]["namespace"], body["metadata"]["name"])
