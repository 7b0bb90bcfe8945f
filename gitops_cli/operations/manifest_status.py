"""What manifests the environments of a status have, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from gitops_cli.domain.cluster.comparison import Comparison
from gitops_cli.domain.manifests.report import state_word
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.manifests_place import is_own_manifest, manifests_place
from gitops_cli.operations.grid import GridColumn, GridManifests, Grids

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

Hashes = Mapping[str, str]
Columns = Callable[[GridColumn], GridColumn]


def with_manifests(status: Grids, state: StateRepository, snapshot: Snapshot) -> Grids:
    """Return the status with the manifests of its environments, where they have some."""
    names = [column.environment for grid in status.grids for column in grid.columns]
    before = [c.before for grid in status.grids for c in grid.columns if c.before is not None]
    if snapshot.commit is None:
        return status
    found: dict[EnvironmentName, tuple[str, Hashes]] = {}
    for name in dict.fromkeys([*names, *before]):
        place = manifests_place(snapshot.environment(name), snapshot.team)
        if place is not None:
            own = state.hashes_below(snapshot.commit, name)
            files = {path: oid for path, oid in own.items() if is_own_manifest(path, name)}
            if not place.startswith(f"{name}/"):
                files |= state.hashes_below(snapshot.commit, place)
            found[name] = place, files
    if found.keys().isdisjoint(names):
        return status
    paths = {path for name in names if name in found for path in found[name][1]}
    changes = state.past.last_changes(paths, tip=snapshot.commit)

    def told(column: GridColumn) -> GridColumn:
        if column.environment not in found:
            return column
        place, files = found[column.environment]
        mine = [changes[path] for path in files if path in changes]
        last = max(mine, key=lambda change: change.committed_at, default=None)
        same = None
        if column.before in found:
            same = _relative(found[column.before]) == _relative((place, files))
        return column._replace(manifests=GridManifests(place, len(files), last, same))

    return _each_column(status, told)


def _each_column(status: Grids, told: Columns) -> Grids:
    grids = (g._replace(columns=tuple(map(told, g.columns))) for g in status.grids)
    return status._replace(grids=tuple(grids))


def _relative(found: tuple[str, Hashes]) -> dict[str, str]:
    """Return the files of a place by their paths in it, without an environment's own values."""
    place, files = found
    inside = f"{place}/"
    return {p.removeprefix(inside): oid for p, oid in files.items() if p.startswith(inside)}


def with_live_manifests(status: Grids, comparisons: Iterable[Comparison]) -> Grids:
    """Return the status with how many objects are how in the clusters."""
    counts = {
        one.environment: Counter(map(state_word, one.objects.fates))
        for one in comparisons
        if one.objects is not None
    }

    def told(column: GridColumn) -> GridColumn:
        if column.manifests is None or column.environment not in counts:
            return column
        live = dict(counts[column.environment])
        return column._replace(manifests=column.manifests._replace(live=live))

    return _each_column(status, told)
