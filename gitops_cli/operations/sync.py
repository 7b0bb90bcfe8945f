"""Make clusters follow: plan first, then patch what differs, then follow the rollouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.cluster.comparison import Row, target_of, telling
from gitops_cli.domain.cluster.imagepatch import ImagePatch, Stamp
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.sync import (
    BY_HAND,
    Deed,
    EnvironmentReport,
    Followed,
    SyncOutcome,
    SyncReport,
    reason_to_leave,
    unpatched,
)
from gitops_cli.domain.cluster.workload import Workload
from gitops_cli.domain.errors import Denied, GitOpsError, TimedOut, WrongCluster
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.governing import misleading
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import DriftPolicy, TeamSettings
from gitops_cli.domain.settings import BadSettings, Defect
from gitops_cli.domain.stamp import as_stamp
from gitops_cli.domain.text import one_line
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.diff import compared_with, restricted, with_namespace
from gitops_cli.operations.placement import Clusters, Placed
from gitops_cli.operations.ports import Cluster, Tips
from gitops_cli.operations.taken_back import with_takers
from gitops_cli.operations.waiting import Key

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.applyset import GroupKind
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.operations.objects_apply import Applying
    from gitops_cli.operations.objects_seen import Looked
    from gitops_cli.operations.objects_sync import Pruning


class PlannedPatch(NamedTuple):
    """A patch to send, and the cluster it is for."""

    cluster: Cluster
    service: ServiceName
    patch: ImagePatch

    @property
    def key(self) -> Key:
        """Return environment and service."""
        return (self.patch.workload.namespace, self.service)


class PlannedObjects(NamedTuple):
    """The objects of some environments of one cluster, and how they are applied."""

    applying: Applying
    looked: Mapping[EnvironmentName, Looked]
    pruning: Pruning


class SyncPlan(NamedTuple):
    """What a sync would do; `report` shows it, `patches` and `objects` are what will be sent."""

    desired: Desired
    team: TeamSettings
    report: SyncReport
    patches: tuple[PlannedPatch, ...]
    placed: tuple[Placed, ...]
    objects: tuple[PlannedObjects, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing would be changed, as far as objects have been tried."""
        return not self.patches and not self.written

    @property
    def written(self) -> int:
        """Return how many objects would be written, if they have been tried."""
        found = [e.objects for e in self.report.environments if e.objects is not None]
        return sum(fate.is_written for objects in found for fate in objects.fates)


class Manifested(NamedTuple):
    """What is to be done with the manifests of environments.

    `tries`: find out what an apply would change before the plan is shown. `take`: also fields
    that others have. `prune` and `many`: remove what left the repository, and most of it; `keep`:
    remove nothing, whatever the stage says. `drift`: what is done about what people changed by
    hand; None: whoever has a field now keeps it. `denied`: kinds that are not tried in an
    environment, and why.
    """

    rendered: Mapping[EnvironmentName, Rendered | GitOpsError] = MappingProxyType({})
    tries: bool = False
    take: bool = False
    prune: bool = False
    many: bool = False
    keep: bool = False
    drift: DriftPolicy | None = None
    denied: Mapping[EnvironmentName, Mapping[GroupKind, GitOpsError]] = MappingProxyType({})


class Follow:
    """Decides whether a workload may follow our state commit, reading ancestry once per commit."""

    def __init__(self, state: Tips, ours: Followed) -> None:
        self._state = state
        self._ours = ours
        self._is_ancestor = cache(state.is_ancestor)
        self._asked_again = False

    def reason_to_leave(self, workload: Workload) -> str | None:
        """Return why the workload is left alone, or None to patch it."""
        return self.reason_for(workload.commit)

    def reason_for(self, recorded: str | None) -> str | None:
        """Return why an object that records a state commit is left alone, or None."""
        reason = self._reason(recorded, self._ours)
        if reason is not None or self._asked_again:
            return reason
        if self._reason(recorded, self._ours._replace(fresh=False)) is not None:
            # It was read after the tip was: its commit may be one that was pushed in between.
            self._take(self._ours.tip is None or self._state.is_still_tip(self._ours.tip))
            self._asked_again = True
        return self._reason(recorded, self._ours)

    def look_again(self) -> None:
        """Read the remote's tip anew: somebody with another one is at work."""
        if self._ours.fresh:
            tip = self._state.tip(require_remote=False)
            self._take(tip.fresh and tip.commit == self._ours.tip)

    def _reason(self, recorded: str | None, ours: Followed) -> str | None:
        return reason_to_leave(recorded, ours, self._is_ancestor)

    def _take(self, fresh: bool) -> None:
        self._ours = self._ours._replace(fresh=fresh)
        self._is_ancestor = cache(self._state.is_ancestor)


def plan_sync(
    desired: Desired,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    state: Tips,
    *,
    now: datetime,
    actor: Callable[[], str | None] = lambda: None,
    selection: Selection | None = None,
    manifests: Manifested | None = None,
) -> SyncPlan:
    """Read every environment and decide; nothing is written.

    `actor` is asked only if there is a patch to sign: finding the name out is a git process.

    Raises Denied and WrongCluster, whichever environment they are about, so that a missing right
    in the tenth does not leave nine changed. What else is wrong with one is in its report.
    """
    team = desired.snapshot.team
    chosen, said = selection or Selection(), manifests or Manifested()
    unclear = {}
    for name in names:
        # Manifests are applied as a whole: each service's image is put in before.
        files = desired.snapshot.environment(name).files if name in said.rendered else ()
        wrong = _misleading(name, team, files)
        if wrong:
            unclear[name] = BadSettings(*wrong)
    placed, errors = clusters.place([name for name in names if name not in unclear], team)
    errors |= unclear
    for error in errors.values():
        if isinstance(error, (WrongCluster, Denied)):
            raise error
    reports = {name: EnvironmentReport(name, problems=(e,)) for name, e in errors.items()}
    planner = _Planner(desired, team, Follow(state, desired.ours), actor, now)
    patches: list[PlannedPatch] = []
    objects: list[PlannedObjects] = []
    for group in placed:
        planned = None
        if not said.rendered.keys().isdisjoint(group.environments):
            planned = planner.look(group, said, chosen)
            objects.append(planned)
        found, more = planner.plan(group, chosen, said, planned)
        reports |= found
        patches += more
    _check_rights(patches)
    report = SyncReport(
        desired.ours.commit,
        tuple(reports[name] for name in names),
        cluster_seconds=planner.seconds,
    )
    return SyncPlan(desired, team, report, tuple(patches), tuple(placed), tuple(objects))


def _misleading(
    name: EnvironmentName, team: TeamSettings, services: Collection[ServiceName]
) -> tuple[Defect, ...]:
    """Return what is wrong in gitops.toml and could say where, or to what, a patch belongs."""
    return tuple(misleading(team, place_of(name, team).stage, services))


@dataclass
class _Planner:
    desired: Desired
    team: TeamSettings
    follow: Follow
    actor: Callable[[], str | None]
    now: datetime
    seconds: float = 0.0

    def look(self, group: Placed, said: Manifested, selection: Selection) -> PlannedObjects:
        """Look for the objects of a cluster's environments."""
        from gitops_cli.operations.objects_plan import planned_objects  # where there are some

        began = time.monotonic()
        planned = planned_objects(
            group,
            said,
            self.desired,
            self.team,
            lambda: self.stamp,
            self.follow.reason_for,
            selection,
        )
        self.seconds += time.monotonic() - began
        return planned

    def plan(
        self,
        group: Placed,
        selection: Selection,
        said: Manifested,
        planned: PlannedObjects | None,
    ) -> tuple[dict[EnvironmentName, EnvironmentReport], list[PlannedPatch]]:
        cluster = group.cluster
        reports: dict[EnvironmentName, EnvironmentReport] = {}
        environments = []
        for name in group.environments:
            environment = self.desired.snapshot.environment(name)
            try:
                environments.append(environment.checked())
            except GitOpsError as error:  # nothing of an environment in error is touched
                reports[name] = EnvironmentReport(name, cluster.context, problems=(error,))
        began = time.monotonic()
        observed = cluster.observe(
            [target_of(e, pods=False, rules=self.team.services) for e in environments]
        )
        self.seconds += time.monotonic() - began
        patches: list[PlannedPatch] = []
        for environment in environments:
            seen = observed[environment.name]
            compared = compared_with(environment, seen, self.team, now=self.now)
            for problem in compared.problems:
                if isinstance(problem, Denied):
                    raise problem
            compared = restricted(compared, selection.services(environment))
            compared = with_namespace(compared, seen, cluster)
            compared = with_takers(compared, self.desired.ours.commit, cluster)
            looked = None if planned is None else planned.looked.get(environment.name)
            outcomes = []
            for rows in compared.by_service.values():
                workload = seen.workload(rows[0].kind, rows[0].workload_name)
                outcome, patch = self.decide(rows, workload)
                if patch is not None and said.drift is DriftPolicy.REPORT and patch.is_by_hand:
                    outcome, patch = outcome._replace(done=Deed.LEFT, reason=BY_HAND), None
                outcomes.append(outcome)
                if patch is not None and not (looked and looked.has(outcome.service)):
                    patches.append(PlannedPatch(cluster, outcome.service, patch))
            report = EnvironmentReport(
                environment.name,
                cluster.context,
                tuple(outcomes),
                compared.problems,
                compared.notes,
            )
            report = _with_hold(report, environment, said, self.now)
            reports[environment.name] = _with_rendering(report, said)
        if planned is not None and said.tries:
            from gitops_cli.operations.objects_plan import with_tried

            reports = with_tried(reports, planned)
        return reports, patches

    def decide(
        self, rows: Sequence[Row], workload: Workload | None
    ) -> tuple[SyncOutcome, ImagePatch | None]:
        """Return what becomes of one service, and the patch if it gets one."""
        row = telling(rows)
        wrong = _misleading(row.environment, self.team, (row.service,))
        if wrong:
            return unpatched(row)._replace(done=Deed.ERROR, error=BadSettings(*wrong)), None
        stale = [row for row in rows if row.needs_patch]
        if workload is None or not stale or row.wanted is None:
            return unpatched(row), None
        names = tuple(r.container for r in stale if r.container is not None)
        outcome = unpatched(stale[0])._replace(
            done=Deed.WOULD_PATCH,
            containers=names,
            images=tuple(r.recorded for r in stale if r.recorded is not None),
            reason=row.reason,
        )
        reason = self.follow.reason_to_leave(workload)
        if reason is not None:
            return outcome._replace(done=Deed.LEFT, reason=reason), None
        # Where our own patch for this very commit is no longer there, and nobody else wrote
        # since, admission changes what we write, and would again.
        ours = workload.commit is not None and workload.commit == self.desired.ours.commit
        if ours and workload.ours.issuperset(names):
            reason = "admission changes the image that is patched in; it is not tried again"
            return outcome._replace(done=Deed.REVERTED, reason=reason), None
        containers = tuple(c for c in workload.containers if c.name in names)
        # What failed is the version that the patch replaces.
        outcome = outcome._replace(failed=False, rollout=None)
        return outcome, ImagePatch(workload, containers, row.wanted, self.stamp)

    @cached_property
    def stamp(self) -> Stamp:
        at = self.desired.committed_at
        written = None if at is None else as_stamp(at)
        return Stamp(self.desired.ours.commit, written, self.actor())


def _with_hold(
    report: EnvironmentReport, environment: Environment, said: Manifested, now: datetime
) -> EnvironmentReport:
    """Say of manifests what rows say of versions: that they are held, and followed all the same."""
    lock = environment.locks.get(None)
    if environment.name not in said.rendered or lock is None or not lock.holds(now):
        return report
    who = f" by {lock.by}" if lock.by else ""
    why = f" ({lock.reason})" if lock.reason else ""
    note = f"{environment.name} is locked{who}{why}: what is recorded is followed"
    return report._replace(notes=(*report.notes, one_line(note)))


def _with_rendering(report: EnvironmentReport, said: Manifested) -> EnvironmentReport:
    """Say why the manifests of an environment could not be rendered."""
    found = said.rendered.get(report.environment)
    if not isinstance(found, GitOpsError):
        return report
    return report._replace(problems=(*report.problems, found))


def _check_rights(patches: Sequence[PlannedPatch]) -> None:
    """Raise Denied if some patch is not permitted, before the first is sent.

    A single namespace and kind needs no question: its first patch is the answer.
    """
    by_cluster: dict[int, tuple[Cluster, dict[Right, list[ImagePatch]]]] = {}
    for planned in patches:
        workload = planned.patch.workload
        right = Right("patch", workload.kind, workload.namespace)
        _, wanted = by_cluster.setdefault(id(planned.cluster), (planned.cluster, {}))
        wanted.setdefault(right, []).append(planned.patch)
    if sum(len(wanted) for _, wanted in by_cluster.values()) < 2:
        return
    for cluster, wanted in by_cluster.values():
        _check_cluster(cluster, wanted)


def _check_cluster(cluster: Cluster, wanted: Mapping[Right, Sequence[ImagePatch]]) -> None:
    rights = list(wanted)
    answers = cluster.review(rights)
    for answer in answers:
        # Who may not ask finds out by trying; any other failure must not look like a permission.
        if isinstance(answer, TimedOut):
            raise TimedOut(f"{answer.message}; nothing was changed", hint=answer.hint)
        if isinstance(answer, GitOpsError) and not isinstance(answer, Denied):
            raise answer
    missing = [r for r, may in zip(rights, answers, strict=True) if may is False]
    # A Role may name the workloads it is for.
    named = [
        right._replace(name=patch.workload.name) for right in missing for patch in wanted[right]
    ]
    denied = [r for r, may in zip(named, cluster.review(named), strict=True) if may is False]
    if denied:
        places = ", ".join(
            str(right) for right in dict.fromkeys(r._replace(name=None) for r in denied)
        )
        raise Denied(
            f"not permitted to {places}; nothing was changed",
            hint=f"a Role must grant `patch` on `{denied[0].role_resource}` there",
        )
