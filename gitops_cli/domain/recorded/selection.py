"""What a person wants to look at: some services of some environments."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gitops_cli.domain.errors import UnknownEnvironment
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import (
    by_project,
    candidates,
    in_order,
    of_one_stage,
    of_project,
    project_advice,
)
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple


class Filter(NamedTuple):
    """What a person wants to see; nothing said: all of it.

    `usual` is a service that is shown alone if it exists: the one whose checkout we are in.
    """

    services: Collection[ServiceName] = ()
    environments: Collection[str] = ()
    project: str | None = None
    usual: ServiceName | None = None


class Words(NamedTuple):
    """Arguments, told apart: names of services, and words that mean environments."""

    services: list[str]
    environments: list[str]


def told_apart(words: Iterable[str], snapshot: Snapshot) -> Words:
    """Return which words are services and which are environments or stages.

    A service that is recorded anywhere is meant before an environment; what is neither is left
    with the services, to be told of there.
    """
    found = Words([], [])
    for word in words:
        is_service = any(word in e.files for e in snapshot.environments.values())
        is_place = not is_service and _means_environments(word, snapshot)
        (found.environments if is_place else found.services).append(word)
    return found


def _means_environments(word: str, snapshot: Snapshot) -> bool:
    try:
        return bool(candidates(word, snapshot.environments.keys(), snapshot.team))
    except UnknownEnvironment:
        return False


def advice(word: str, snapshot: Snapshot, *, flag: str = "-e") -> str | None:
    """Return what to type where a service was expected and `word` names something else."""
    if not _means_environments(word, snapshot):
        return project_advice(word, by_project(snapshot.environments, snapshot.team))
    return f"`{one_line(word)}` is an environment or a stage: {flag} {one_line(word)}"


def selected_environments(snapshot: Snapshot, wanted: Filter) -> list[EnvironmentName]:
    """Return the environments to look at, in order; raises UnknownEnvironment."""
    team = snapshot.team
    names = snapshot.environments.keys()
    if wanted.environments:
        fits = {
            name
            for word in wanted.environments
            for name in of_one_stage(word, names, team, project=wanted.project)
        }
        return in_order(fits, team)
    if wanted.project is None:
        return in_order(names, team)
    return of_project(names, wanted.project, team)
