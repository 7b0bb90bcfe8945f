"""Gathers what the delivery page tells, from the state repository and the services' sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from gitops_cli.domain.change.draft import Verb, source_time_of
from gitops_cli.domain.delivery.figures import Figures, Period, figures_of
from gitops_cli.domain.delivery.judging import Judged, VersionChange, judged, left_at
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import Distance, Relation
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.selection import Filter
from gitops_cli.domain.recorded.stages import Place, place_of, stage_rank
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version
from gitops_cli.operations.grid import GridCell, Grids
from gitops_cli.operations.history import entry_of, is_told
from gitops_cli.operations.past_changes import PastChange
from gitops_cli.operations.status import read_status
from gitops_cli.web.parallel import ask_all

if TYPE_CHECKING:
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.reach import Tip
    from gitops_cli.state.repository import StateRepository


_BEGINNING = Verb.ENV.value


class TimelineEvent(NamedTuple):
    """Something that happened; `judged` None: it changed no version."""

    past: PastChange
    place: Place
    judged: Judged | None


class FigureGroup(NamedTuple):
    """Figures of a stage, of a project's stage, or of one service there; None: of all of them."""

    stage: str
    project: str | None
    service: ServiceName | None
    figures: Figures


class WaitingService(NamedTuple):
    """A service whose stage before has another version; `since` None: for longer than is told."""

    environment: EnvironmentName
    service: ServiceName
    version: Version
    source: EnvironmentName
    next: Version
    distance: Distance | None
    since: datetime | None
    held: bool


class Delivery(NamedTuple):
    """Everything that is told; events are the newest first, groups those of stages first."""

    period: Period
    status: Grids
    groups: tuple[FigureGroup, ...]
    waiting: tuple[WaitingService, ...]
    events: tuple[TimelineEvent, ...]
    freezes: Mapping[str, tuple[str, ...]]


class _Told(NamedTuple):
    """What happened, where, and the path that its file had then."""

    past: PastChange
    place: Place
    path: str
    change: VersionChange | None


class ReportScope(NamedTuple):
    """Which environments: these, and those that are gone of these projects (None: of any)."""

    environments: Collection[EnvironmentName]
    projects: Collection[str] | None

    def has(self, place: Place, snapshot: Snapshot) -> bool:
        """Tell whether an environment, of today or gone, is told of."""
        if place.environment in snapshot.environments:
            return place.environment in self.environments
        return self.projects is None or place.project in self.projects


def gather(
    state: StateRepository,
    snapshot: Snapshot,
    scope: ReportScope,
    *,
    tip: Tip,
    since: datetime,
    now: datetime,
    sources: Callable[[], Sources],
) -> Delivery:
    """Return what was delivered since a time, and how it stands."""
    status = read_status(
        state,
        snapshot,
        Filter(environments=sorted(scope.environments)),
        sources=sources,
        fresh=tip.fresh,
        committed_at=tip.committed_at,
        now=now,
    )
    team = snapshot.team
    past, begins = _past(state, snapshot, since, now)
    is_told_of = cache(lambda place: scope.has(place, snapshot))
    told = [each for each in past if is_told_of(each.place)]
    period = Period(since if begins is None else max(since, min(begins, now)), now)
    events = _events(told, state, sources)
    return Delivery(
        period,
        status,
        tuple(_groups(events, period, team)),
        tuple(_waiting(status, snapshot, past)),
        tuple(events),
        _freezes(status, team),
    )


def _past(
    state: StateRepository, snapshot: Snapshot, since: datetime, now: datetime
) -> tuple[list[_Told], datetime | None]:
    """Return what happened since a time, by the names of today, and when the branch began."""
    if snapshot.commit is None:
        return [], None
    recent = state.past.recent_changes(snapshot.commit, is_told, since=since, now=now)
    replaced: dict[str, datetime] = {}
    places: dict[EnvironmentName, Place] = {}
    found = []
    for path, change in recent.changes:
        named = change if path == change.path else change._replace(path=path)
        entry = entry_of(named, replaced.get(path))
        if entry is None:
            continue
        replaced[path] = entry.at
        name = entry.environment
        place = places.get(name) or places.setdefault(name, place_of(name, snapshot.team))
        found.append(_Told(entry, place, change.path, _change(entry)))
    return found, recent.begins


def _events(
    told: Sequence[_Told],
    state: StateRepository,
    sources: Callable[[], Sources],
) -> list[TimelineEvent]:
    times = _source_times([each.past for each in told], sources)
    oldest = {each.past.path: number for number, each in enumerate(told)}
    changes: dict[int, VersionChange] = {}
    for number, each in enumerate(told):
        change = each.change
        if change is None:
            continue
        if change.new is not None and (at := times.get((change.service, change.new.tag))):
            change = change._replace(source_time=at)
        if oldest[each.past.path] == number and change.action == Verb.ROLLBACK:
            change = change._replace(recorded=_recorded_before(each, state))
        changes[number] = change
    found = dict(zip(changes, judged(changes.values()), strict=True))
    return [TimelineEvent(each.past, each.place, found.get(n)) for n, each in enumerate(told)]


def _recorded_before(told: _Told, state: StateRepository) -> datetime | None:
    """Return when what a commit replaced had been recorded."""
    past = state.past.file_history(told.path, start=told.past.commit)
    older = next(islice(past, 1, None), None)
    return None if older is None else older.commit.committed_at


def _change(entry: PastChange) -> VersionChange | None:
    """Return an entry as a change of versions; None for a lock, an approval, or no version."""
    new = entry.new.version if entry.new else None
    is_unreadable = entry.new is not None and new is None
    if entry.service is None or entry.lock or entry.approved or is_unreadable:
        return None
    made = entry.made_by
    return VersionChange(
        entry.environment,
        entry.service,
        entry.old.version if entry.old else None,
        new,
        entry.at,
        entry.commit,
        # With its first commit a repository begins; what it records ran before.
        made.trailers.get("Gitops-Action", "" if made.parents else _BEGINNING),
    )


def _source_times(
    past: Iterable[PastChange], sources: Callable[[], Sources]
) -> dict[tuple[ServiceName, str], datetime]:
    """Return when versions' commits were made: as the state says, else as the sources do."""
    found: dict[tuple[ServiceName, str], datetime] = {}
    asked: dict[ServiceName, set[str]] = {}
    for entry in past:
        version = entry.new.version if entry.new else None
        if version is None or entry.service is None:
            continue
        if version.is_commit:
            asked.setdefault(entry.service, set()).add(version.tag)
        said = entry.made_by.trailers.get("Gitops-Source-Time")
        at = source_time_of(said, entry.service) if said else None
        if at is not None:
            found[entry.service, version.tag] = at
    left = {
        service: sorted(tag for tag in tags if (service, tag) not in found)
        for service, tags in asked.items()
    }
    return found | _times_of_sources({s: tags for s, tags in left.items() if tags}, sources)


def _times_of_sources(
    asked: Mapping[ServiceName, Sequence[str]], sources: Callable[[], Sources]
) -> dict[tuple[ServiceName, str], datetime]:
    if not asked:
        return {}
    known = {service: sources().of(service) for service in asked}
    services = [service for service, source in known.items() if source.is_known]
    answers = ask_all(lambda service: known[service].commit_times(asked[service]), services)
    return {
        (service, tag): at
        for service, times in zip(services, answers, strict=True)
        for tag, at in times.items()
    }


def _groups(
    events: Iterable[TimelineEvent], period: Period, team: TeamSettings
) -> list[FigureGroup]:
    """Return the figures of stages, then of projects' stages, then of services there."""
    smallest: dict[tuple[Place, ServiceName | None], list[Judged]] = defaultdict(list)
    for event in events:
        if event.judged is not None:
            smallest[event.place, event.past.service].append(event.judged)
    parts: dict[tuple[str, str | None, ServiceName | None], list[Judged]] = defaultdict(list)
    for (place, service), here in smallest.items():
        stage, project = place.stage, place.project
        for key in ((stage, None, None), (stage, project, None), (stage, project, service)):
            parts[key] += here

    def order(key: tuple[str, str | None, ServiceName | None]) -> tuple[object, ...]:
        stage, project, service = key
        depth = (project is not None) + (service is not None)
        return (depth, project or "", service or "", stage_rank(stage, team))

    return [FigureGroup(*key, figures_of(parts[key], period)) for key in sorted(parts, key=order)]


def _waiting(status: Grids, snapshot: Snapshot, past: Iterable[_Told]) -> Iterable[WaitingService]:
    """Return what the stage before has and this one has not, the longest wait first."""
    pasts: dict[tuple[EnvironmentName, ServiceName], list[VersionChange]] = defaultdict(list)
    for each in past:
        if (change := each.change) is not None:
            pasts[change.environment, change.service].append(change)
    found = [
        waits
        for grid in status.grids
        for service, row in grid.rows.items()
        for cell in row.values()
        if (waits := _waits(service, cell, status, snapshot, pasts)) is not None
    ]
    return sorted(found, key=lambda w: (w.since is not None, w.since or status.now))


def _waits(
    service: ServiceName,
    cell: GridCell,
    status: Grids,
    snapshot: Snapshot,
    pasts: Mapping[tuple[EnvironmentName, ServiceName], Sequence[VersionChange]],
) -> WaitingService | None:
    if cell.file is None or cell.before is None or cell.distance is None:
        return None
    if cell.distance.relation in (Relation.SAME, Relation.AHEAD):
        return None
    version, following = cell.file.version, snapshot.environments[cell.before].files[service]
    since = left_at(pasts.get((cell.before, service), ()), version)
    held = cell.lock is not None and cell.lock.holds(status.now)
    return WaitingService(
        cell.environment,
        service,
        version,
        cell.before,
        following.version,
        cell.distance,
        since,
        held,
    )


def _freezes(status: Grids, team: TeamSettings) -> dict[str, tuple[str, ...]]:
    """Return the windows in which stages are frozen, of those stages that have any."""
    stages = {column.place.stage for grid in status.grids for column in grid.columns}
    in_order = sorted(stages, key=lambda stage: stage_rank(stage, team))
    windows = {s: tuple(window.text for window in team.stage(s).freeze) for s in in_order}
    return {stage: texts for stage, texts in windows.items() if texts}
