"""The part of a sync that is about objects: planned, tried, applied, and put into its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gitops_cli.domain.cluster.imagepatch import Stamp
from gitops_cli.domain.cluster.sync import EnvironmentReport
from gitops_cli.domain.errors import GitOpsError, TimedOut
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.manifests.report import EnvironmentObjects, Fate, ObjectFate
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.objects import look
from gitops_cli.operations.objects_apply import Applying
from gitops_cli.operations.objects_seen import Looked
from gitops_cli.operations.objects_sync import (
    Heard,
    Pruning,
    Synced,
    sync_objects,
    with_fates,
)
from gitops_cli.operations.placement import Placed
from gitops_cli.operations.sync import Manifested, PlannedObjects, SyncPlan

Reports = dict[EnvironmentName, EnvironmentReport]


def planned_objects(
    group: Placed,
    said: Manifested,
    desired: Desired,
    team: TeamSettings,
    sign: Callable[[], Stamp],
    reason_to_leave: Callable[[str | None], str | None],
    selection: Selection,
) -> PlannedObjects:
    """Look for the objects of a cluster's environments; nothing is tried yet."""
    store = group.cluster.manifests()
    mine = {
        name: found
        for name in group.environments
        if isinstance(found := said.rendered.get(name), Rendered) and _is_sound(desired, name)
    }
    looked = look(group.cluster, store, mine, desired.snapshot, team, selection, denied=said.denied)
    pruned = frozenset(
        name
        for name in mine
        if not said.keep and (said.prune or team.stage(place_of(name, team).stage).prune)
    )
    context = group.cluster.context
    applying = Applying(
        store, sign, context, reason_to_leave, dry_run=True, take=said.take, drift=said.drift
    )
    return PlannedObjects(applying, looked, Pruning(pruned, said.many))


def _is_sound(desired: Desired, name: EnvironmentName) -> bool:
    """Tell whether anything of an environment may be touched."""
    try:
        desired.snapshot.environment(name).checked()
    except GitOpsError:
        return False
    return True


def with_tried(reports: Reports, planned: PlannedObjects) -> Reports:
    """Return reports with what an apply would do, as the server tells without doing it."""
    synced = sync_objects(planned.applying, planned.looked, planned.pruning)
    return {name: _with(one, planned, synced, dry_run=True) for name, one in reports.items()}


def with_applied(
    plan: SyncPlan,
    *,
    dry_run: bool,
    stop: Callable[[], bool],
    heard: Heard,
) -> SyncPlan:
    """Return the plan with what has been done about objects; its patches are still to be sent."""
    reports = {report.environment: report for report in plan.report.environments}
    for planned in plan.objects:
        applying = planned.applying._replace(dry_run=dry_run)
        synced = sync_objects(applying, planned.looked, planned.pruning, stop=stop, heard=heard)
        for name in synced:
            reports[name] = _with(reports[name], planned, synced, dry_run=dry_run)
    return plan._replace(report=plan.report._replace(environments=tuple(reports.values())))


def as_late(report: EnvironmentReport) -> EnvironmentReport:
    """Return a report in which objects that were not tried are errors of time."""
    if report.objects is None:
        return report
    return report._replace(objects=EnvironmentObjects(tuple(map(_late, report.objects.fates))))


def _late(fate: ObjectFate) -> ObjectFate:
    if fate.fate is not Fate.NOT_TRIED or fate.error is not None:
        return fate
    error = TimedOut("not every object was applied in time", hint="--timeout allows more time")
    return fate._replace(error=error)


def _with(
    report: EnvironmentReport,
    planned: PlannedObjects,
    synced: Mapping[EnvironmentName, Synced],
    *,
    dry_run: bool,
) -> EnvironmentReport:
    name = report.environment
    if name not in synced:
        return report
    looked: Looked = planned.looked[name]
    objects = synced[name].objects
    return report._replace(
        outcomes=with_fates(report.outcomes, looked, objects.fates, dry_run=dry_run),
        problems=(*report.problems, *_new(synced[name].problems, report.problems)),
        objects=objects,
    )


def _new(problems: Sequence[GitOpsError], known: Sequence[GitOpsError]) -> tuple[GitOpsError, ...]:
    told = {problem.message for problem in known}
    return tuple(problem for problem in problems if problem.message not in told)
