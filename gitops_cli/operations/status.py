"""What is recorded where: the services × stages grid of each project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import UnknownService, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.past.ancestry import SAME, UNKNOWN, Distance
from gitops_cli.domain.past.commits import LastChange
from gitops_cli.domain.recorded.environment import Environment, Snapshot, VersionFile, service_at
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.recorded.resolution import stage_before
from gitops_cli.domain.recorded.selection import Filter, advice, selected_environments
from gitops_cli.domain.recorded.stages import by_project, place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.operations.grid import Grid, GridCell, GridColumn, Grids

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.locks import Lock
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository


class _Subject(NamedTuple):
    """What a status is made of."""

    snapshot: Snapshot
    team: TeamSettings
    before: Mapping[EnvironmentName, EnvironmentName | None]
    changes: Mapping[str, LastChange]
    distances: Mapping[tuple[ServiceName, str, str], Distance]
    now: datetime


def read_status(
    state: StateRepository,
    snapshot: Snapshot,
    wanted: Filter,
    *,
    sources: Callable[[], Sources],
    fresh: bool,
    committed_at: datetime | None,
    now: datetime,
) -> Grids:
    """Return the grids of what is wanted; raises UnknownService and UnknownEnvironment."""
    team = snapshot.team
    environments = selected_environments(snapshot, wanted)
    services = _services(snapshot, environments, wanted)
    shown = _files(snapshot, environments, services)
    tip = snapshot.commit
    projects = by_project(snapshot.environments, team)
    before = {
        name: _before(name, siblings, team) for siblings in projects.values() for name in siblings
    }
    subject = _Subject(
        snapshot,
        team,
        before,
        state.past.recordings([f.path for f in shown], tip=tip) if tip and shown else {},
        _distances(snapshot, before, shown, sources),
        now,
    )
    grids = [
        _grid(project, names, services, subject)
        for project, names in by_project(environments, team).items()
    ]
    return Grids(
        tip,
        committed_at,
        fresh,
        now,
        tuple(grid for grid in grids if services is None or grid.rows),
        snapshot.all_findings,
    )


def _services(
    snapshot: Snapshot, environments: Iterable[EnvironmentName], wanted: Filter
) -> frozenset[ServiceName] | None:
    """Return the services to show; None means all."""
    known = {service for name in environments for service in snapshot.environments[name].files}
    for service in wanted.services:
        if service not in known and not _spoiled_anywhere(snapshot, environments, service):
            raise UnknownService(
                f"no service `{one_line(service)}` is recorded there",
                hint=advice(service, snapshot)
                or did_you_mean(service, known)
                or f"services: {', '.join(sorted(known)) or 'none'}",
            )
    if wanted.services:
        return frozenset(wanted.services)
    return frozenset({wanted.usual}) if wanted.usual in known and wanted.usual else None


def _spoiled_anywhere(
    snapshot: Snapshot, environments: Iterable[EnvironmentName], service: ServiceName
) -> bool:
    return any(service in _spoiled(snapshot.environments[name]) for name in environments)


def _spoiled(environment: Environment) -> dict[ServiceName, Finding]:
    """Return the findings that leave a service without a version."""
    found: dict[ServiceName, Finding] = {}
    for finding in environment.findings:
        service = service_at(finding.path)
        if service is not None and service not in environment.files:
            found.setdefault(service, finding)
    return found


def _files(
    snapshot: Snapshot,
    environments: Iterable[EnvironmentName],
    services: Collection[ServiceName] | None,
) -> list[VersionFile]:
    return [
        file
        for name in environments
        for service, file in snapshot.environments[name].files.items()
        if services is None or service in services
    ]


def _distances(
    snapshot: Snapshot,
    before: Mapping[EnvironmentName, EnvironmentName | None],
    shown: Iterable[VersionFile],
    sources: Callable[[], Sources],
) -> dict[tuple[ServiceName, str, str], Distance]:
    """Return how versions lie to those of the stage before, asked of each source once."""
    pairs = set()
    for file in shown:
        source = before[EnvironmentName(file.path.partition("/")[0])]
        other = snapshot.environments[source].files.get(file.service) if source else None
        if other is not None and file.version.tag != other.version.tag:
            pairs.add((file.service, other.version.tag, file.version.tag))
    if not pairs:
        return {}
    from gitops_cli.web.parallel import ask_all  # where versions differ

    known = sources()
    by_service: dict[ServiceName, list[tuple[str, str]]] = {}
    for service, old, new in sorted(pairs):
        by_service.setdefault(service, []).append((old, new))
    found = {service: known.of(service) for service in by_service}
    asked = [service for service, source in found.items() if source.is_known]

    def ask(service: ServiceName) -> dict[tuple[ServiceName, str, str], Distance]:
        source = found[service]
        return {(service, o, n): source.lead(o, n).counted for o, n in by_service[service]}

    return {pair: d for answers in ask_all(ask, asked) for pair, d in answers.items()}


def _before(
    name: EnvironmentName, siblings: Iterable[EnvironmentName], team: TeamSettings
) -> EnvironmentName | None:
    """Return the environment from which a promotion would come, if one is meant."""
    if place_of(name, team).stage not in team.stages:
        return None
    try:
        return stage_before(name, siblings, team)
    except UsageError:
        return None


def _grid(
    project: str,
    names: Collection[EnvironmentName],
    services: Collection[ServiceName] | None,
    subject: _Subject,
) -> Grid:
    columns = tuple(_column(name, subject) for name in names)
    rows: dict[ServiceName, dict[EnvironmentName, GridCell]] = {}
    for name in names:
        for service, cell in _cells(name, subject).items():
            if services is None or service in services:
                rows.setdefault(service, {})[name] = cell
    return Grid(project, columns, dict(sorted(rows.items())))


def _column(name: EnvironmentName, subject: _Subject) -> GridColumn:
    place = place_of(name, subject.team)
    lock = subject.snapshot.environments[name].locks.get(None)
    before = subject.before[name]
    for window in subject.team.stage(place.stage).freeze:
        if (end := window.closes(subject.now)) is not None:
            return GridColumn(place, lock, window.text, end, before)
    return GridColumn(place, lock, None, None, before)


def _cells(name: EnvironmentName, subject: _Subject) -> dict[ServiceName, GridCell]:
    environment = subject.snapshot.environments[name]
    before = subject.before[name]
    cells = {
        service: GridCell(
            name,
            file,
            subject.changes.get(file.path),
            *_compared(file, before, subject),
            lock=_lock(environment, service, subject.now),
        )
        for service, file in environment.files.items()
    }
    for service, finding in _spoiled(environment).items():
        cells[service] = GridCell(name, None, finding=finding)
    return cells


def _lock(environment: Environment, service: ServiceName, now: datetime) -> Lock | None:
    """Return what holds a service, or did until it expired."""
    locks = environment.locks
    return environment.hold(service, now) or locks.get(service) or locks.get(None)


def _compared(
    file: VersionFile, before: EnvironmentName | None, subject: _Subject
) -> tuple[EnvironmentName | None, Distance | None]:
    other = subject.snapshot.environments[before].files.get(file.service) if before else None
    if other is None:
        return None, None
    if other.version.tag == file.version.tag:
        return before, SAME
    key = (file.service, other.version.tag, file.version.tag)
    return before, subject.distances.get(key, UNKNOWN)
