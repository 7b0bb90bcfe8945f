"""Which versions of the stage before may come by now, as far as the repository itself tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.change.gates import is_same
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.operations.gates import Gates
from gitops_cli.operations.grid import Grid, GridColumn, Grids, Readiness

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def with_readiness(
    status: Grids, state: StateRepository, snapshot: Snapshot, *, now: datetime
) -> Grids:
    """Return the grids with what the gates say of each version that could be promoted now.

    Stages without gates are as they were, and cost nothing.
    """
    grids = tuple(_grid(grid, state, snapshot, now) for grid in status.grids)
    return status._replace(grids=grids)


def _grid(grid: Grid, state: StateRepository, snapshot: Snapshot, now: datetime) -> Grid:
    found: dict[EnvironmentName, Mapping[ServiceName, Readiness]] = {}
    for column in grid.columns:
        if column.before is not None:
            found[column.environment] = _column(grid, column, state, snapshot, now)
    rows = {
        service: {
            name: cell._replace(readiness=found.get(name, {}).get(service))
            for name, cell in cells.items()
        }
        for service, cells in grid.rows.items()
    }
    return grid._replace(rows=rows)


def _column(
    grid: Grid, column: GridColumn, state: StateRepository, snapshot: Snapshot, now: datetime
) -> Mapping[ServiceName, Readiness]:
    target = snapshot.environment(column.environment)
    # Nobody in particular would record it: whose own yes does not count is not known yet.
    gates = Gates(state, snapshot, target, column.before, lambda: None, now, [])
    if not gates.rules.is_gated:
        return {}
    before = snapshot.environments.get(column.before) if column.before is not None else None
    waiting = [
        change
        for service in grid.rows
        if before is not None and (change := _waiting(service, before, target)) is not None
    ]
    reports = [*gates.soak(waiting), *gates.approvals(waiting)]
    return {
        change.service: Readiness(
            change.desired, tuple(one for one in reports if one.service == change.service)
        )
        for change in waiting
        if change.desired is not None
    }


def _waiting(service: ServiceName, before: Environment, target: Environment) -> Change | None:
    """Return what a promotion would change, if the stage before has another version."""
    here, there = target.files.get(service), before.files.get(service)
    if here is None or there is None or is_same(here.version, there.version):
        return None
    approval = target.approvals.get(service)
    wanted = there.version
    if approval is not None and approval.version is not None and is_same(approval.version, wanted):
        wanted = approval.version  # with the digest, if that will be recorded
    return Change(service, here.version, wanted)
