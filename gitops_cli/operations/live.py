"""What runs, joined to the grid of what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitops_cli.domain.cluster.comparison import Comparison, Row, telling
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.operations.grid import Grid, GridCell, Grids, LiveState


def with_live(status: Grids, comparisons: Iterable[Comparison]) -> Grids:
    """Return the status with what each service really runs; what could not be told stays None."""
    lives = {
        (comparison.environment, service): _live(telling(rows))
        for comparison in comparisons
        for service, rows in comparison.by_service.items()
    }
    return status._replace(grids=tuple(_joined(grid, lives) for grid in status.grids))


def _joined(grid: Grid, lives: Mapping[tuple[EnvironmentName, ServiceName], LiveState]) -> Grid:
    def joined(service: ServiceName, cell: GridCell) -> GridCell:
        return cell._replace(live=lives.get((cell.environment, service)))

    rows = {
        service: {name: joined(service, cell) for name, cell in cells.items()}
        for service, cells in grid.rows.items()
    }
    return grid._replace(rows=rows)


def _live(row: Row) -> LiveState:
    running = tuple(dict.fromkeys(str(one.image) for one in row.running or ()))
    recorded = None if row.recorded is None else str(row.recorded)
    return LiveState(
        row.state.value, recorded, None if row.running is None else running, row.reason
    )
