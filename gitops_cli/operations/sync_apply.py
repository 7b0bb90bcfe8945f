"""Send the patches of a planned sync, and follow the rollouts they begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.cluster.comparison import Agreement, Row, agreement
from gitops_cli.domain.cluster.imagepatch import ImagePatch, Moved, Patched
from gitops_cli.domain.cluster.sync import Deed, DryRun, RolloutVerdict, SyncOutcome, SyncReport
from gitops_cli.domain.cluster.workload import Unclear, Workload, containers_for, recorded_image
from gitops_cli.domain.errors import ClusterError, ExitCode, GitOpsError, TimedOut
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.text import one_line
from gitops_cli.operations.ports import Tips
from gitops_cli.operations.sync import Follow, PlannedPatch, SyncPlan
from gitops_cli.operations.waiting import Awaited, Key, RolloutWait, WaitEnd

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import ObjectFate

TRIES = 5  # patches of one workload that somebody else keeps changing

Heard = Callable[[SyncOutcome], None]
HeardObject = Callable[[EnvironmentName, "ObjectFate"], None]


def apply_plan(
    plan: SyncPlan,
    state: Tips,
    *,
    dry_run: DryRun | None = None,
    fail_fast: bool = False,
    left: Callable[[], float] = lambda: 1.0,
    heard: Heard = lambda outcome: None,
    heard_object: HeardObject = lambda name, fate: None,
) -> SyncReport:
    """Apply objects and send patches; return what became of all.

    Interrupted, the rest is not tried. Once no seconds are `left`, none is begun any more, and
    those are errors of time.
    """
    if dry_run is DryRun.CLIENT:
        return plan.report._replace(dry_run=dry_run)
    began = time.monotonic()
    if plan.objects:
        from gitops_cli.operations.objects_plan import with_applied  # where there are some

        hearing = _Hearing(plan, heard_object)
        plan = with_applied(
            plan,
            dry_run=dry_run is DryRun.SERVER,
            stop=lambda: (fail_fast and hearing.failed) or left() <= 0,
            heard=hearing,
        )
    applying = _Applying(plan, Follow(state, plan.desired.ours), dry_run is DryRun.SERVER, heard)
    changed = applying.run(lambda: (fail_fast and applying.failed) or left() <= 0)
    if left() <= 0:
        changed = {key: _late(outcome) for key, outcome in changed.items()}
        plan = _with_late_objects(plan)
    seconds = plan.report.cluster_seconds + time.monotonic() - began
    environments = tuple(
        report._replace(
            outcomes=tuple(changed.get((o.environment, o.service), o) for o in report.outcomes),
            notes=(*report.notes, *applying.notes.get(report.environment, ())),
        )
        for report in plan.report.environments
    )
    return plan.report._replace(environments=environments, dry_run=dry_run, cluster_seconds=seconds)


class _Hearing:
    """Passes on what becomes of objects, and remembers whether something failed."""

    def __init__(self, plan: SyncPlan, heard: HeardObject) -> None:
        self.failed = any(e.problems for e in plan.report.environments)
        self._heard = heard

    def __call__(self, name: EnvironmentName, fate: ObjectFate) -> None:
        self.failed = self.failed or fate.error is not None
        self._heard(name, fate)


class _Applying:
    """Rounds of patches: whoever else changes a workload makes a new decision necessary."""

    def __init__(self, plan: SyncPlan, follow: Follow, dry_run: bool, heard: Heard) -> None:
        self._plan = plan
        self._follow = follow
        self._dry_run = dry_run
        self._heard = heard
        self.failed = any(e.problems for e in plan.report.environments)
        self.notes: dict[EnvironmentName, list[str]] = {}
        self._reasons: dict[Key, str | None] = {
            (o.environment, o.service): o.reason for o in plan.report.outcomes
        }
        planned = {one.key for one in plan.patches}
        self._outcomes: dict[Key, SyncOutcome] = {
            (o.environment, o.service): o._replace(done=Deed.NOT_TRIED, reason="not tried")
            for o in plan.report.outcomes
            if (o.environment, o.service) in planned
        }

    def run(self, stop: Callable[[], bool]) -> dict[Key, SyncOutcome]:
        """Return the outcome of each planned patch; none is begun once `stop` is true."""
        waiting = list(self._plan.patches)
        for _ in range(TRIES):
            if not waiting:
                return self._outcomes
            moved = self._round(waiting, stop)
            if moved:
                self._follow.look_again()
            again = (self._decide(planned, now) for planned, now in moved)
            waiting = [planned for planned in again if planned is not None]
        for planned in waiting:
            workload = planned.patch.workload
            error = ClusterError(
                f"{workload.namespace}: {workload.resource} was changed by somebody else "
                f"{TRIES} times while it was patched",
                hint="find out who: kubectl get --show-managed-fields -o yaml",
            )
            self._end(planned, Deed.ERROR, error=error)
        return self._outcomes

    def _round(
        self, waiting: Sequence[PlannedPatch], stop: Callable[[], bool]
    ) -> list[tuple[PlannedPatch, Workload | None]]:
        moved: list[tuple[PlannedPatch, Workload | None]] = []

        def done(patch: ImagePatch, result: Patched | Moved | GitOpsError) -> None:
            planned = mine[id(patch)]
            match result:
                case Moved():
                    moved.append((planned, result.workload))
                case Patched():
                    self._patched(planned, result.workload)
                    self._warned(planned, result.warnings)
                case GitOpsError() if result.code == "not-begun":
                    pass
                case GitOpsError():
                    self.failed = True
                    self._end(planned, Deed.ERROR, error=result)

        for group in _by_cluster(waiting):
            mine = {id(one.patch): one for one in group}
            group[0].cluster.patch(
                [planned.patch for planned in group],
                dry_run=self._dry_run,
                done=done,
                stop=stop,
            )
        return moved

    def _patched(self, planned: PlannedPatch, now: Workload) -> None:
        patch = planned.patch
        if patch.is_applied_to(now):
            done = Deed.WOULD_PATCH if self._dry_run else Deed.PATCHED
            self._end(planned, done, reason=self._reasons.get(planned.key))
            return
        got = ", ".join(
            c.image for c in now.containers if c.name in {was.name for was in patch.containers}
        )
        self._end(
            planned, Deed.REVERTED, reason=f"the patch does not stick: admission made it {got}"
        )

    def _warned(self, planned: PlannedPatch, warnings: Sequence[str]) -> None:
        space, service = planned.key
        said = self.notes.setdefault(space, [])
        said += [f"{space}: {service}: the server warns: {one_line(text)}" for text in warnings]

    def _decide(self, planned: PlannedPatch, now: Workload | None) -> PlannedPatch | None:
        """Decide again about a workload that somebody changed; None ends it."""
        patch = planned.patch
        if now is None:
            self._end(planned, Deed.MISSING, reason="it was deleted meanwhile")
            return None
        configured = self._plan.team.service(planned.service).containers
        chosen = containers_for(now, patch.image, service=planned.service, configured=configured)
        if isinstance(chosen, Unclear):
            self._end(planned, Deed.UNCLEAR, reason=chosen.reason)
            return None
        stale = tuple(c for c in chosen if _differs(recorded_image(c, now), patch.image))
        if not stale:
            self._end(planned, Deed.UNCHANGED, reason="somebody else did it meanwhile")
            return None
        reason = self._follow.reason_to_leave(now)
        if reason is not None:
            self._end(planned, Deed.LEFT, reason=reason)
            return None
        seen = {container.image for container in patch.containers}
        if others := sorted({container.image for container in stale} - seen):
            self._reasons[planned.key] = f"replaced {', '.join(others)}, set meanwhile"
        return planned._replace(patch=patch._replace(workload=now, containers=stale))

    def _end(
        self,
        planned: PlannedPatch,
        done: Deed,
        *,
        reason: str | None = None,
        error: GitOpsError | None = None,
    ) -> None:
        before = self._outcomes[planned.key]
        outcome = before._replace(done=done, reason=reason, error=error)
        self._outcomes[planned.key] = outcome
        self._heard(outcome)


def _with_late_objects(plan: SyncPlan) -> SyncPlan:
    if not plan.objects:
        return plan
    from gitops_cli.operations.objects_plan import as_late

    environments = tuple(map(as_late, plan.report.environments))
    return plan._replace(report=plan.report._replace(environments=environments))


def _late(outcome: SyncOutcome) -> SyncOutcome:
    if outcome.done is not Deed.NOT_TRIED:
        return outcome
    error = TimedOut("not every patch was sent in time", hint="--timeout allows more time")
    return outcome._replace(reason="not tried: the time was over", error=error)


def _differs(recorded: ImageRef, wanted: ImageRef) -> bool:
    return agreement(wanted, recorded) is Agreement.DIFFERENT


def _by_cluster(waiting: Sequence[PlannedPatch]) -> list[list[PlannedPatch]]:
    groups: dict[int, list[PlannedPatch]] = {}
    for planned in waiting:
        groups.setdefault(id(planned.cluster), []).append(planned)
    return list(groups.values())


_WAITED_FOR = frozenset({Deed.PATCHED, Deed.UNCHANGED})


def wait_for_rollouts(
    plan: SyncPlan,
    report: SyncReport,
    *,
    now: Callable[[], datetime],
    timeout: float,
    heard: Callable[[Row], None] = lambda row: None,
    gone: bool = False,
) -> SyncReport:
    """Follow what has git's image to the end of its rollout, whoever patched it.

    `gone`: until the pods that it replaced are gone, too.
    """
    wanted: dict[EnvironmentName, set[ServiceName]] = {}
    for outcome in report.outcomes:
        if outcome.done in _WAITED_FOR:
            wanted.setdefault(outcome.environment, set()).add(outcome.service)
    awaited = [
        Awaited(group.cluster, {n: frozenset(wanted[n]) for n in group.environments if n in wanted})
        for group in plan.placed
    ]
    patched = {(o.environment, o.service) for o in report.outcomes if o.done is Deed.PATCHED}

    def tell(row: Row) -> None:
        if (row.environment, row.service) in patched or row.state.exit_code is not ExitCode.OK:
            heard(row)

    environments: dict[EnvironmentName, Environment] = {
        name: plan.desired.snapshot.environment(name) for name in wanted
    }
    waiting = RolloutWait(
        [one for one in awaited if one.services],
        environments,
        plan.team,
        now=now,
        heard=tell,
        gone=gone,
    )
    settled = waiting.run(timeout)
    return report._replace(
        environments=tuple(
            e._replace(
                outcomes=tuple(_with_verdict(o, settled) for o in e.outcomes),
                notes=(*e.notes, *waiting.notes.get(e.environment, ())),
            )
            for e in report.environments
        ),
    )


def _with_verdict(outcome: SyncOutcome, settled: Mapping[Key, WaitEnd]) -> SyncOutcome:
    found = settled.get((outcome.environment, outcome.service))
    if found is None:
        return outcome
    row = found.row
    reason = outcome.reason
    if found.verdict is not RolloutVerdict.READY:
        reason = row.reason if row is not None else None
        if found.verdict is RolloutVerdict.CHANGED and row is not None:
            reason = f"it was changed meanwhile: {row.recorded or row.reason}"
    elif outcome.done is not Deed.PATCHED:
        reason = None
    if row is not None and row.is_as_far_as_it_goes:
        reason = row.reason
    return outcome._replace(
        verdict=found.verdict,
        rollout=row.rollout if row is not None else None,
        reason=reason,
        error=found.error or outcome.error,
    )
