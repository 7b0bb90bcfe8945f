"""The grid of services and stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.duration import age
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import Distance, Relation
from gitops_cli.domain.recorded.environment import NO_ENVIRONMENTS
from gitops_cli.domain.text import plural, spoken
from gitops_cli.operations.grid import (
    Grid,
    GridCell,
    GridColumn,
    GridManifests,
    Grids,
    LiveState,
    Readiness,
)
from gitops_cli.render import view as views
from gitops_cli.render.gates import gate_document
from gitops_cli.render.view import Flow, Line, Style, Table, View

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.locks import Lock

_SEPARATOR = " · "
_SAME = frozenset({"in-sync", "adoptable", "kept"})  # objects that are as they are wanted
_LIVE = {
    "in-sync": Style.GOOD,
    "digest": Style.GOOD,
    "rolling": Style.INFO,
    "differs": Style.WARN,
}

_RECORDS = views.Records(
    "projects.services.environments",
    "project environment service kind version changed_at changed_by commit compared_to relation "
    "ahead behind locked=lock.holds live=live.state next=next.version ready=next.ready problem",
    "{environment}/{service}",
)


class SortOrder(StrEnum):
    """Which services come first in a table; documents have them by name."""

    TROUBLE = "trouble"
    NAME = "name"


def view(
    status: Grids, order: SortOrder = SortOrder.TROUBLE, *, empty: str = NO_ENVIRONMENTS
) -> View:
    """Return all grids, and below each the locks and freezes in it.

    `empty` is said where there is nothing.
    """
    blocks: list[Table | Line] = []
    for grid in status.grids:
        shown = grid.rows or grid.has_manifests
        blocks += [_table(grid, status.now, order)] if shown else _unused(grid)
        blocks += _remarks(grid, status.now)
    if not status.grids:
        blocks.append(Line(empty, Style.DIM))
    return View("status", document(status), tuple(blocks), _legend(status), _RECORDS)


def _unused(grid: Grid) -> list[Line]:
    title = f"{grid.project}: " if grid.project else ""
    first = grid.columns[0].environment
    text = f"no services yet; `gitops set SERVICE=HASH -e {first} --new` adds one"
    return [Line(title + text, Style.DIM)]


def document(status: Grids) -> dict[str, Any]:
    """Return the fields of the JSON document."""
    return {
        "commit": status.commit,
        "committed_at": _iso(status.committed_at),
        "fresh": status.fresh,
        "projects": [_grid(grid, status.now) for grid in status.grids],
    }


def _grid(grid: Grid, now: datetime) -> dict[str, Any]:
    return {
        "project": grid.project,
        "environments": [_column(column, now) for column in grid.columns],
        "services": [
            {
                "service": service,
                "environments": [_cell(cell, service, now) for cell in cells.values()],
            }
            for service, cells in grid.rows.items()
        ],
    }


def _column(column: GridColumn, now: datetime) -> dict[str, Any]:
    return {
        "environment": column.environment,
        "stage": column.place.stage,
        "lock": lock_document(column.lock, now),
        "manifests": _manifests(column),
        "freeze": (
            {"window": column.freeze, "until": _iso(column.frozen_until)} if column.freeze else None
        ),
    }


def _manifests(column: GridColumn) -> dict[str, Any] | None:
    found = column.manifests
    if found is None:
        return None
    return {
        "path": found.place,
        "files": found.files,
        "changed_at": _iso(found.change.committed_at) if found.change else None,
        "changed_by": found.change.author.name if found.change else None,
        "commit": found.change.commit if found.change else None,
        "compared_to": None if found.same is None else column.before,
        "same": found.same,
        "live": None if found.live is None else dict(found.live),
    }


def _cell(cell: GridCell, service: ServiceName, now: datetime) -> dict[str, Any]:
    version = cell.file.version if cell.file else None
    change, distance = cell.change, cell.distance
    return {
        "environment": cell.environment,
        "service": service,
        "kind": cell.file.kind.value if cell.file else None,
        "version": str(version) if version else None,
        "changed_at": _iso(change.committed_at) if change else None,
        "changed_by": change.author.name if change else None,
        "commit": change.commit if change else None,
        "compared_to": cell.before,
        "relation": distance.relation.value if distance else None,
        "ahead": distance.ahead if distance else None,
        "behind": distance.behind if distance else None,
        "lock": lock_document(cell.lock, now),
        "live": _live(cell.live),
        "next": _next(cell.readiness),
        "problem": f"{cell.finding.where}: {cell.finding.message}" if cell.finding else None,
    }


def _next(readiness: Readiness | None) -> dict[str, Any] | None:
    if readiness is None:
        return None
    return {
        "version": str(readiness.version),
        "ready": readiness.is_ready,
        "gates": [gate_document(report) for report in readiness.reports],
    }


def _live(live: LiveState | None) -> dict[str, Any] | None:
    if live is None:
        return None
    return {
        "state": live.state,
        "image": live.image,
        "running": None if live.running is None else list(live.running),
        "reason": live.reason,
    }


def lock_document(lock: Lock | None, now: datetime) -> dict[str, Any] | None:
    """Return a lock for machines; `holds` is false for one that has expired."""
    if lock is None:
        return None
    return {
        "path": lock.path,
        "holds": lock.holds(now),
        "by": lock.by,
        "at": _iso(lock.at),
        "until": _iso(lock.until),
        "reason": lock.reason,
        "problem": lock.problem,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _table(grid: Grid, now: datetime, order: SortOrder) -> Table:
    columns = [views.Column("service")]
    for column in grid.columns:
        columns += [
            views.Column(_heading(column), flow=Flow.PAIR, versus=_stage_before(column, grid)),
            views.Column("by", wide=True, flow=Flow.PAIR),
        ]
    rows = []
    for service, cells in grid.rows.items():
        row: list[views.Cell | str] = [service]
        for column in grid.columns:
            cell = cells.get(column.environment)
            row += [_shown(cell, now), _author(cell)] if cell else ["", ""]
        rows.append(row)
    if order is SortOrder.TROUBLE:
        rows.sort(key=_rank)  # stable: by name where they are as bad
    if grid.has_manifests:
        rows.append(_manifests_row(grid, now))
    return Table(columns, rows, grid.project or None)


def _manifests_row(grid: Grid, now: datetime) -> list[views.Cell | str]:
    """Return what manifests the environments have, below their services."""
    row: list[views.Cell | str] = [views.Cell("(manifests)", Style.DIM)]
    for column in grid.columns:
        found = column.manifests
        author = found.change.author.name if found is not None and found.change else ""
        row += ["" if found is None else _manifests_cell(found, now), author]
    return row


def _manifests_cell(found: GridManifests, now: datetime) -> views.Cell:
    """Return `3 files = 24d`: how many, whether the stage before has the same, since when."""
    words = [plural(found.files, "file")]
    if found.same is not None:
        words.append("=" if found.same else "≠")
    if found.change is not None:
        words.append(age(now - found.change.committed_at))
    if found.live is None:
        return views.Cell(" ".join(words), Style.DIM)
    other = {state: count for state, count in found.live.items() if state not in _SAME}
    words += [f"{count} {spoken(state)}" for state, count in other.items()] or ["✓"]
    style = Style.GOOD if not other else Style.BAD if "error" in other else Style.WARN
    return views.Cell(" ".join(words), style)


def _rank(row: Iterable[views.Cell | str]) -> int:
    return views.urgency({views.cell(value).style for value in row})


def _heading(column: GridColumn) -> str:
    """Return the stage, and what holds all of it; the lines below say who and until when."""
    return f"{column.place.stage} (frozen)" if column.freeze else column.place.stage


def _stage_before(column: GridColumn, grid: Grid) -> str | None:
    return None if column.before is None else column.before.removeprefix(f"{grid.project}-")


def _author(cell: GridCell) -> str:
    return cell.change.author.name if cell.change else ""


def _shown(cell: GridCell, now: datetime) -> views.Cell:
    """Return `4c43182 ↓2 24d`: the version, how it lies to the stage before, since when."""
    if cell.file is None:
        return views.Cell("unreadable", Style.BAD)
    words = [cell.file.version.short]
    if cell.distance is not None:
        words.append(_symbol(cell.distance))
    if cell.change:
        words.append(age(now - cell.change.committed_at))
    held = cell.lock is not None and cell.lock.holds(now)
    if cell.lock is not None:
        words.append("locked" if held else "lock expired")
    if cell.readiness is not None:
        words.append("ready" if cell.readiness.is_ready else "waits")
    if cell.live is None:
        return views.Cell(" ".join(words), _style(cell.distance, held=held))
    words.append(_live_text(cell.live))
    return views.Cell(" ".join(words), _LIVE.get(cell.live.state, Style.BAD))


def _live_text(live: LiveState) -> str:
    """Return what runs: a sign that it is this, the version that runs instead, or the trouble."""
    if live.state in ("in-sync", "digest"):
        return "✓"
    if live.state != "differs" or live.image is None:
        return live.state
    version = parse_image(live.image).version
    return f"runs {version.short if version else live.image}"


def _symbol(distance: Distance) -> str:
    """Return how a version lies to that of the stage before, as the legend explains it."""
    ahead, behind = distance.ahead or "", distance.behind or ""
    match distance.relation:
        case Relation.SAME:
            return "="
        case Relation.AHEAD:
            return f"↑{ahead}"
        case Relation.BEHIND:
            return f"↓{behind}"
        case Relation.DIVERGED:
            return f"↑{ahead}↓{behind}"
        case Relation.UNKNOWN:
            return "≠"


def _legend(status: Grids) -> str | None:
    """Return what the signs in these grids mean, and no others."""
    cells = [c for grid in status.grids for row in grid.rows.values() for c in row.values()]
    if not cells:
        return None
    said = {c.distance.relation for c in cells if c.distance is not None}
    words = [
        ("↓2 lacks 2 commits of the stage after “vs”", {Relation.BEHIND, Relation.DIVERGED}),
        ("↑2 has 2 more", {Relation.AHEAD, Relation.DIVERGED}),
        ("= the same version", {Relation.SAME}),
        ("≠ another, nobody knows how far", {Relation.UNKNOWN}),
    ]
    parts = [text for text, relations in words if said & relations]
    if any(c.change for c in cells):
        parts.append("24d recorded for 24 days")
    if any(c.live is not None for c in cells):
        parts.append("✓ runs")
    columns = [column for grid in status.grids for column in grid.columns]
    if any(c.manifests is not None and c.manifests.same is not None for c in columns):
        parts.append("(manifests) =, ≠ those of the stage after “vs”")
    told = {c.readiness.is_ready for c in cells if c.readiness is not None}
    if True in told:
        parts.append("ready: `promote` may bring the version of the stage before")
    if False in told:
        parts.append("waits: a gate holds it back")
    return _SEPARATOR.join(parts)


def _style(distance: Distance | None, *, held: bool) -> Style:
    if held:
        return Style.INFO
    if distance is None:
        return Style.PLAIN
    match distance.relation:
        case Relation.SAME:
            return Style.GOOD
        case Relation.DIVERGED:
            return Style.BAD
        case Relation.UNKNOWN | Relation.BEHIND | Relation.AHEAD:
            return Style.WARN


def _remarks(grid: Grid, now: datetime) -> Iterator[Line]:
    for column in grid.columns:
        if column.freeze and column.frozen_until:
            until = column.frozen_until.strftime("%a %Y-%m-%d %H:%M %Z")
            text = f"{column.environment} is frozen until {until}: {column.freeze}"
            yield Line(text, Style.WARN)
        if column.lock is not None:
            yield lock_line(column.environment, column.lock, now)
    for service, cells in grid.rows.items():
        for cell in cells.values():
            if cell.lock is not None and cell.lock.service is not None:
                yield lock_line(f"{cell.environment}: {service}", cell.lock, now)
    for service, cells in grid.rows.items():
        for cell in cells.values():
            if cell.readiness is not None and not cell.readiness.is_ready:
                yield _waiting_line(f"{cell.environment}: {service}", cell.readiness)


def _waiting_line(what: str, readiness: Readiness) -> Line:
    """Return what holds a version back that would come next."""
    why = "; ".join(f"{one.gate} {one.says}" for one in readiness.reports if not one.passes)
    text = f"{what} {readiness.version.short} waits: {why}"
    return Line(text, Style.WARN)


def lock_line(what: str, lock: Lock, now: datetime) -> Line:
    """Return who holds what, until when and why."""
    holds = lock.holds(now)
    words = [f"{what} {'is locked' if holds else 'was locked'}"]
    if lock.by:
        words.append(f"by {lock.by}")
    if lock.at:
        words.append(f"{age(now - lock.at)} ago")
    if lock.until:
        words.append(f"{'until' if holds else 'and is free since'} {lock.until:%Y-%m-%d %H:%M %Z}")
    why = lock.problem or lock.reason
    text = " ".join(words) + (f": {why}" if why else "")
    return Line(text, Style.WARN if holds else Style.DIM)
