"""When the manifests of environments changed, and by whose commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.recorded.manifests_place import VALUES, manifests_place
from gitops_cli.operations.manifest_copy import bases_at
from gitops_cli.operations.past_changes import HistorySpan, PastChange

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class ManifestsPast(NamedTuple):
    """What happened to one place that an environment's manifests come from."""

    environment: EnvironmentName
    place: str
    state: StateRepository
    tip: str
    span: HistorySpan

    @property
    def path(self) -> str:
        """Return what tells this past from others."""
        return f"{self.environment}:{self.place}"

    def entries(self) -> Iterator[PastChange]:
        """Yield its changes, newest first."""
        replaced_at: datetime | None = None
        past = self.state.past
        for change in past.place_history(self.place, start=self.tip, since=self.span.since):
            at, made_by = change.commit.committed_at, change.made_by
            if self.span.until is None or at <= self.span.until:
                paths = past.paths_of(change)
                yield PastChange(
                    self.environment,
                    None,
                    self.place,
                    None,
                    None,
                    change.commit.hash,
                    at,
                    made_by,
                    replaced_at,
                    manifests=tuple(paths),
                )
            replaced_at = at


def manifest_pasts(
    state: StateRepository,
    snapshot: Snapshot,
    names: Iterable[EnvironmentName],
    gone: Iterable[str],
    span: HistorySpan,
) -> Iterator[ManifestsPast]:
    """Yield the pasts of all places that these environments' manifests come from, or came.

    `gone` are paths of the repository that are not there any more.
    """
    tip = snapshot.commit
    had = {path.split("/")[0] for path in gone if path.split("/")[1:2] == [MANIFESTS]}
    for name in names if tip is not None else ():
        for place in _places(state, snapshot, name, had=name in had):
            yield ManifestsPast(name, place, state, str(tip), span)


def _places(
    state: StateRepository, snapshot: Snapshot, name: EnvironmentName, *, had: bool
) -> list[str]:
    own = f"{name}/{MANIFESTS}"
    environment = snapshot.environments.get(name)
    place = None if environment is None else manifests_place(environment, snapshot.team)
    if place is None:
        return [own] if had else []
    places = [place, f"{name}/{VALUES}", *([own] if had and place != own else [])]
    try:
        return [*places, *bases_at(state, snapshot, place)]
    except GitOpsError:
        return places  # what cannot be followed, `validate` says
