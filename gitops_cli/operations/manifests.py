"""The objects that the repository has for environments, rendered once per look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.web.parallel import attempt_all

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.state.repository import StateRepository

_AT_ONCE = 4


def rendered_manifests(
    state: StateRepository, snapshot: Snapshot, names: Iterable[EnvironmentName]
) -> dict[EnvironmentName, Rendered | GitOpsError]:
    """Return the objects of those environments that have some, or why there are none.

    Read from the snapshot's commit; from the working tree where it is of none.
    """
    team = snapshot.team
    places = {name: manifests_place(snapshot.environment(name), team) for name in names}
    waiting = [(name, place) for name, place in places.items() if place is not None]
    if not waiting:
        return {}
    from gitops_cli.manifests.rendering import Wanted, render  # with YAML, where there are some

    reading = Lock()  # git answers one at a time; programs render side by side

    def read(directory: str) -> Mapping[str, bytes]:
        with reading:
            return state.files_below(snapshot.commit, directory)

    def rendered(item: tuple[EnvironmentName, str]) -> Rendered:
        place = place_of(item[0], team)
        return render(Wanted(place, item[1], team.stage(place.stage).manifests_network), read)

    answers = attempt_all(rendered, waiting, at_once=_AT_ONCE)
    return {name: answer for (name, _), answer in zip(waiting, answers, strict=True)}
