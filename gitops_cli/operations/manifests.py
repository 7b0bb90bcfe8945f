"""The objects that the repository has for environments, rendered once per look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.manifests_place import manifests_place

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.state.repository import StateRepository


def rendered_manifests(
    state: StateRepository, snapshot: Snapshot, names: Iterable[EnvironmentName]
) -> dict[EnvironmentName, Rendered | GitOpsError]:
    """Return the objects of those environments that have some, or why there are none.

    Read from the snapshot's commit; from the working tree where it is of none.
    """
    team = snapshot.team
    places = {name: manifests_place(snapshot.environment(name), team) for name in names}
    found: dict[EnvironmentName, Rendered | GitOpsError] = {}
    for name, place in places.items():
        if place is not None:
            found[name] = _rendered(state, snapshot, name, place)
    return found


def _rendered(
    state: StateRepository, snapshot: Snapshot, name: EnvironmentName, place: str
) -> Rendered | GitOpsError:
    from gitops_cli.manifests.rendering import render  # with YAML, for environments that have some

    try:
        return render(name, place, lambda below: state.files_below(snapshot.commit, below))
    except GitOpsError as error:
        return error
