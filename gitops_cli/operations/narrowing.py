"""Which services of a status are worth looking at: behind, failing, held, changed of late."""

from __future__ import annotations

from datetime import datetime

from gitops_cli.domain.past.ancestry import Relation
from gitops_cli.domain.values import NamedTuple
from gitops_cli.operations.grid import Grid, GridCell, GridColumn, Grids

_FAILED = {"failed", "missing", "unclear"}


class Narrow(NamedTuple):
    """What is asked of a cell; all of it, where several things are. `changed` is since when."""

    behind: bool = False
    failed: bool = False
    locked: bool = False
    changed: datetime | None = None

    @property
    def asks(self) -> bool:
        """Tell whether anything is left out at all."""
        return self != Narrow()


def narrowed(status: Grids, narrow: Narrow) -> Grids:
    """Return the status with the services of which one cell is as asked, whole rows of them."""
    if not narrow.asks:
        return status
    grids = [_narrowed(grid, narrow, status.now) for grid in status.grids]
    left = (grid for grid in grids if grid.rows or grid.has_manifests)
    return status._replace(grids=tuple(left))


def _narrowed(grid: Grid, narrow: Narrow, now: datetime) -> Grid:
    rows = {
        service: cells
        for service, cells in grid.rows.items()
        if any(_fits(cell, narrow, now) for cell in cells.values())
    }
    fits = any(_fits_manifests(column, narrow, now) for column in grid.columns)
    columns = grid.columns if fits else tuple(c._replace(manifests=None) for c in grid.columns)
    return grid._replace(rows=rows, columns=columns)


def _fits_manifests(column: GridColumn, narrow: Narrow, now: datetime) -> bool:
    found = column.manifests
    if found is None or narrow.behind:
        return False
    return (
        (not narrow.failed or (found.live is not None and "error" in found.live))
        and (not narrow.locked or (column.lock is not None and column.lock.holds(now)))
        and (
            narrow.changed is None
            or (found.change is not None and found.change.committed_at >= narrow.changed)
        )
    )


def _fits(cell: GridCell, narrow: Narrow, now: datetime) -> bool:
    return (
        (not narrow.behind or _is_behind(cell))
        and (not narrow.failed or _has_failed(cell))
        and (not narrow.locked or (cell.lock is not None and cell.lock.holds(now)))
        and (narrow.changed is None or _changed_since(cell, narrow.changed))
    )


def _is_behind(cell: GridCell) -> bool:
    """Tell whether it lacks commits of the stage before, whatever else it has."""
    lacking = (Relation.BEHIND, Relation.DIVERGED)
    return cell.distance is not None and cell.distance.relation in lacking


def _has_failed(cell: GridCell) -> bool:
    return cell.file is None or (cell.live is not None and cell.live.state in _FAILED)


def _changed_since(cell: GridCell, since: datetime) -> bool:
    return cell.change is not None and cell.change.committed_at >= since
