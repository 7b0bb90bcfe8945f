"""What is recorded where: services × stages, as a grid per project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import Distance
from gitops_cli.domain.past.commits import LastChange
from gitops_cli.domain.recorded.environment import VersionFile
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.domain.change.gates import Report
    from gitops_cli.domain.recorded.locks import Lock


class GridManifests(NamedTuple):
    """What manifests an environment has: where they stand, how many files, and since when.

    `same`: whether those of the stage before are the same files; None: it has none. `live` has
    how many objects are how in the cluster; None: nobody looked.
    """

    place: str
    files: int
    change: LastChange | None = None
    same: bool | None = None
    live: Mapping[str, int] | None = None


class GridColumn(NamedTuple):
    """An environment of the grid. `lock` is on all of it; `frozen_until` None: not frozen.

    `before` is the one from which a promotion would come; its cells are compared with that.
    """

    place: Place
    lock: Lock | None
    freeze: str | None
    frozen_until: datetime | None
    before: EnvironmentName | None = None
    manifests: GridManifests | None = None

    @property
    def environment(self) -> EnvironmentName:
        return self.place.environment


class LiveState(NamedTuple):
    """What the cluster has: the row's state as in `diff`, the workload's image, the pods' images.

    `running` is None where pods may not be listed.
    """

    state: str
    image: str | None
    running: tuple[str, ...] | None
    reason: str | None


class Readiness(NamedTuple):
    """What the gates of a stage say of the version that would come from the stage before."""

    version: Version
    reports: tuple[Report, ...]

    @property
    def is_ready(self) -> bool:
        """Tell whether all of them let it pass."""
        return all(report.passes for report in self.reports)


class GridCell(NamedTuple):
    """A service in an environment: what is recorded, since when, and how it lies to `before`.

    `distance` is seen from the environment `before`: `3 behind` lacks three of its commits. None
    without one. `finding` says why there is no version. `lock` is on the service or on all.
    `readiness` is there where the stage has gates and the one before another version.
    """

    environment: EnvironmentName
    file: VersionFile | None
    change: LastChange | None = None
    before: EnvironmentName | None = None
    distance: Distance | None = None
    lock: Lock | None = None
    finding: Finding | None = None
    live: LiveState | None = None
    readiness: Readiness | None = None


class Grid(NamedTuple):
    """One project. A row has a cell for each column where the service is."""

    project: str
    columns: tuple[GridColumn, ...]
    rows: Mapping[ServiceName, Mapping[EnvironmentName, GridCell]]

    @property
    def has_manifests(self) -> bool:
        """Tell whether any of its environments has manifests that are shown."""
        return any(column.manifests is not None for column in self.columns)


class Grids(NamedTuple):
    """All grids, at one commit and one time; `fresh` as of the remote."""

    commit: str | None
    committed_at: datetime | None
    fresh: bool
    now: datetime
    grids: tuple[Grid, ...]
    findings: tuple[Finding, ...]
