"""An environment's objects beside what a cluster has: what was seen, before anything is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.workload import Presence
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.manifests.applyset import PART_OF, GroupKind, set_id
from gitops_cli.domain.manifests.images import OwnedWorkload
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.manifests.ownership import APPLIED, Live, is_as_applied, without_replicas
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName, ServiceName


class WantedObject(NamedTuple):
    """An object as it is to be, and what is there; `live` None: nothing.

    `owned`: it is the workload of a service, with the recorded image in it. `problem`: why it can
    be neither compared nor applied. `pending`: its kind or its namespace comes with the same
    repository, so that the server cannot judge it yet.
    """

    manifest: Manifest
    live: Live | None = None
    owned: OwnedWorkload | None = None
    problem: GitOpsError | None = None
    pending: bool = False

    @property
    def service(self) -> ServiceName | None:
        """Return the service whose workload it is."""
        return None if self.owned is None else self.owned.service

    @property
    def content(self) -> Mapping[str, Any]:
        """Return what is applied: without replicas where somebody else sets them."""
        scaled = self.live is not None and self.live.scaler is not None
        return without_replicas(self.manifest.content) if scaled else self.manifest.content

    @property
    def is_as_applied(self) -> bool:
        """Tell whether applying it would provably change nothing."""
        live = self.live
        if live is None or PART_OF not in live.labels:
            return False  # without its label it is lost once it leaves the repository
        return is_as_applied(live, self.content, self.manifest.digest)

    @property
    def is_by_hand(self) -> bool:
        """Tell whether it was applied as it is to be, and somebody changed it since."""
        live = self.live
        applied = live is not None and live.annotations.get(APPLIED) == self.manifest.digest
        return applied and not self.is_as_applied


class Leftover(NamedTuple):
    """An object of the environment's set that the repository no longer has."""

    id: ObjectId
    live: Live


class Looked(NamedTuple):
    """One environment: what it wants in the order of applying, and what is left over.

    `kinds` are those that its ApplySet names; None: it has no ApplySet yet. `stands`: what stands
    for it is as kubectl reads it. `presence` is asked for only where something is missing.
    """

    environment: EnvironmentName
    rendered: Rendered
    wanted: tuple[WantedObject, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    kinds: frozenset[GroupKind] | None = None
    presence: Presence = Presence.THERE
    problems: tuple[GitOpsError, ...] = ()
    stands: bool = False

    def has(self, service: ServiceName) -> bool:
        """Tell whether a service's workload is among the objects."""
        return any(one.service == service for one in self.wanted)

    @property
    def members(self) -> int:
        """Return how many objects the set has."""
        mine = set_id(self.environment)
        ours = (o.live is not None and o.live.labels.get(PART_OF) == mine for o in self.wanted)
        return sum(ours) + len(self.leftovers)
