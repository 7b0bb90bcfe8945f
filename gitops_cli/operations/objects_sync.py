"""Let clusters have the objects of the repository: rank by rank, each object for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from gitops_cli.domain.cluster.sync import Deed, SyncOutcome
from gitops_cli.domain.cluster.workload import Presence
from gitops_cli.domain.errors import ClusterError, GitOpsError, TimedOut
from gitops_cli.domain.manifests.applyset import PARENT, GroupKind, parent
from gitops_cli.domain.manifests.kinds import CRD, NAMESPACE, rank
from gitops_cli.domain.manifests.objects import Manifest, ObjectId, defined_by
from gitops_cli.domain.manifests.report import EnvironmentObjects, Fate, ObjectFate
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.operations.objects_apply import Applying
from gitops_cli.operations.objects_seen import Looked, WantedObject
from gitops_cli.operations.pruning import leftover_fates, prune
from gitops_cli.web.parallel import attempt_all

_ESTABLISHED_SECONDS = 60.0
_PAUSE = 0.1

Work = tuple[EnvironmentName, WantedObject]
Heard = Callable[[EnvironmentName, ObjectFate], None]
Stop = Callable[[], bool]


class Pruning(NamedTuple):
    """In which environments leftovers are removed, and whether many at once may go."""

    environments: frozenset[EnvironmentName] = frozenset()
    many: bool = False


class Synced(NamedTuple):
    """What became of an environment's objects; `problems`: what kept all or some of them."""

    objects: EnvironmentObjects
    problems: tuple[GitOpsError, ...] = ()


def sync_objects(
    applying: Applying,
    looked: Mapping[EnvironmentName, Looked],
    pruning: Pruning,
    *,
    stop: Stop = lambda: False,
    heard: Heard = lambda name, fate: None,
) -> dict[EnvironmentName, Synced]:
    """Apply what is not provably there, in the order of ranks, and remove leftovers if said.

    What others need is waited for: a definition's kind must be established before its objects
    come. One object that fails stops no other. Once `stop` is true, nothing more is begun.
    """
    run = _Run(applying, looked, stop, heard)
    run.apply()
    return {name: run.ended(name, pruning) for name in looked}


@dataclass
class _Run:
    applying: Applying
    looked: Mapping[EnvironmentName, Looked]
    stop: Stop
    heard: Heard
    fates: dict[tuple[EnvironmentName, ObjectId], ObjectFate] = field(default_factory=dict)
    stopped: dict[EnvironmentName, GitOpsError] = field(default_factory=dict)

    def apply(self) -> None:
        """Apply all ranks."""
        for name, found in self.looked.items():
            if (error := _unreachable(found)) is not None:
                self.stopped[name] = error
        waiting = list(self._waiting())
        if waiting:
            self.applying.sign()  # once, before many threads ask
        by_rank = groupby(sorted(waiting, key=_rank), key=_rank)
        ranks = {number: list(some) for number, some in by_rank}
        first = rank(*NAMESPACE)
        self._together(ranks.pop(first, []))
        self._stand_for_sets()
        for number in sorted(ranks):
            self._together([w for w in ranks[number] if w[0] not in self.stopped])

    def _waiting(self) -> Iterator[Work]:
        for name, found in self.looked.items():
            if name not in self.stopped:
                for one in found.wanted:
                    fate = self.applying.settled(one)
                    if fate is None:
                        yield name, one
                    else:
                        self.fates[name, one.manifest.id] = fate

    def _together(self, work: Sequence[Work]) -> None:
        """Apply objects of one rank at once, and wait for the kinds that they bring."""

        def done(item: Work, fate: ObjectFate | GitOpsError) -> None:
            if isinstance(fate, ObjectFate):
                self.fates[item[0], item[1].manifest.id] = fate
                self.heard(item[0], fate)

        attempt_all(lambda item: self.applying(*item), work, done=done, stop=self.stop)
        definitions = [(name, one) for name, one in work if one.manifest.id.type == CRD]
        if not self.applying.dry_run:
            for item in definitions:
                self._wait_established(*item)

    def _wait_established(self, name: EnvironmentName, one: WantedObject) -> None:
        key = (name, one.manifest.id)
        fate = self.fates.get(key)
        if fate is None or fate.error is not None:
            return
        until = time.monotonic() + _ESTABLISHED_SECONDS
        try:
            while not self._is_usable(one.manifest):
                if self.stop() or time.monotonic() >= until:
                    raise TimedOut(
                        f"{name}: {one.manifest.id} is not established: its kind cannot be used"
                    )
                time.sleep(_PAUSE)
        except GitOpsError as error:
            self.fates[key] = fate._replace(error=error)

    def _is_usable(self, definition: Manifest) -> bool:
        """Tell whether the server takes objects of a kind: it is known a little later than made."""
        store, brings = self.applying.store, defined_by(definition)
        if not store.is_established(definition):
            return False
        store.forget_kinds()
        return brings is None or bool(store.scopes([(brings.group, brings.kind)]))

    def _stand_for_sets(self) -> None:
        """Let each set name the kinds that it has or will have, before it has them.

        Also where nothing is to be applied: somebody may have removed, or changed, what stands for
        the set.
        """
        for name, found in sorted(self.looked.items()):
            known = found.kinds or frozenset()
            kinds = _kinds(found) | known
            is_right = kinds == known and (found.stands or not kinds)
            if name not in self.stopped and not self.stop() and not is_right:
                self._write_parent(name, kinds)

    def _write_parent(self, name: EnvironmentName, kinds: Iterable[GroupKind]) -> None:
        content = parent(name, kinds)
        stands = Manifest(ObjectId("", "ConfigMap", name, PARENT), "v1", content, name, 1)
        try:
            if not (self.applying.dry_run and self.looked[name].presence is Presence.ABSENT):
                self.applying.store.apply(
                    stands, content, dry_run=self.applying.dry_run, force=True
                )
        except GitOpsError as error:
            self.stopped[name] = error

    def ended(self, name: EnvironmentName, pruning: Pruning) -> Synced:
        """Return what became of an environment, after its leftovers were removed, or listed."""
        found = self.looked[name]
        fates = [self._fate(name, one) for one in found.wanted]
        problems = [*found.problems]
        if name in self.stopped:
            problems.append(self.stopped[name])
        goes_on = name not in self.stopped and not self.stop()
        if name in pruning.environments and found.leftovers and goes_on:
            failed = bool(problems) or any(fate.error is not None for fate in fates)
            pruned = prune(found, self.applying, many=pruning.many, failed=failed)
            left = list(pruned.fates)
            problems += [] if pruned.problem is None else [pruned.problem]
            for fate in left:
                self.heard(name, fate)
        else:
            left = leftover_fates(found, self.applying.store)
        self._shrink(name, left)
        return Synced(EnvironmentObjects((*fates, *left)), tuple(problems))

    def _fate(self, name: EnvironmentName, one: WantedObject) -> ObjectFate:
        known = self.fates.get((name, one.manifest.id))
        if known is not None:
            return known
        return ObjectFate(
            one.manifest.id, one.manifest.where, Fate.NOT_TRIED, reason="it was not tried"
        )

    def _shrink(self, name: EnvironmentName, left: Sequence[ObjectFate]) -> None:
        """Let the set name no kind any more of which nothing is left."""
        gone = {fate.id for fate in left if fate.fate is Fate.PRUNED}
        found = self.looked[name]
        kept = (found.kinds or frozenset()) if found.rendered.only_namespaced else frozenset()
        kinds = (_kinds(found) | kept) - (
            {id_.type for id_ in gone}
            - {one.manifest.id.type for one in found.wanted}
            - {one.id.type for one in found.leftovers if one.id not in gone}
        )
        if gone and not self.applying.dry_run and kinds != found.kinds:
            self._write_parent(name, kinds)


def _rank(item: Work) -> int:
    return rank(*item[1].manifest.id.type)


def _kinds(looked: Looked) -> frozenset[GroupKind]:
    wanted = {one.manifest.id.type for one in looked.wanted if one.problem is None}
    return frozenset(wanted | {one.id.type for one in looked.leftovers})


def _unreachable(looked: Looked) -> GitOpsError | None:
    """Return why nothing can be made in an environment's namespace."""
    name = looked.environment
    if looked.presence is Presence.ENDING:
        return ClusterError(
            f"namespace {name} is being deleted: nothing can be made in it",
            hint="sync again once it is gone",
        )
    makes = any(one.manifest.id.type == NAMESPACE for one in looked.wanted)
    if looked.presence is Presence.ABSENT and not makes:
        return ClusterError(
            f"namespace {name} does not exist",
            hint=f"kubectl create namespace {name}, or keep a Namespace beside its manifests",
        )
    return None


def with_fate(outcome: SyncOutcome, fate: ObjectFate, *, dry_run: bool) -> SyncOutcome:
    """Return what became of a service whose workload is among the manifests."""
    patched = Deed.WOULD_PATCH if dry_run else Deed.PATCHED
    behind = outcome.done in (Deed.WOULD_PATCH, Deed.MISSING)
    if fate.error is not None:
        return outcome._replace(done=Deed.ERROR, error=fate.error, reason=None)
    match fate.fate:
        case Fate.CREATED:
            return outcome._replace(done=patched, reason="it is made")
        case Fate.CHANGED:
            reason = outcome.reason if behind else "its manifest changed"
            return outcome._replace(done=patched, reason=reason)
        case Fate.LEFT:
            return outcome._replace(done=Deed.LEFT, reason=fate.reason)
        case Fate.NOT_TRIED:
            return outcome._replace(done=Deed.NOT_TRIED, reason=fate.reason)
        case _ if behind:
            reason = "admission changes the image that is applied; it is not tried again"
            return outcome._replace(done=Deed.REVERTED, reason=reason)
        case _:
            return outcome


def with_fates(
    outcomes: Iterable[SyncOutcome],
    looked: Looked,
    fates: Iterable[ObjectFate],
    *,
    dry_run: bool,
) -> tuple[SyncOutcome, ...]:
    """Return outcomes after the objects of their services were applied."""
    by_id = {fate.id: fate for fate in fates}
    of_service: dict[ServiceName, ObjectFate] = {
        one.service: by_id[one.manifest.id]
        for one in looked.wanted
        if one.service is not None and one.manifest.id in by_id
    }
    return tuple(
        with_fate(outcome, of_service[outcome.service], dry_run=dry_run)
        if outcome.service in of_service
        else outcome
        for outcome in outcomes
    )
