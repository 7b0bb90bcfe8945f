"""What a person wants to look at: some services of some environments."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gitops_cli.domain.errors import UnknownEnvironment
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import candidates, in_order, of_one_stage, of_project
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line


class Filter(NamedTuple):
    """What a person wants to see; nothing said: all of it.

    `usual` is a service that is shown alone if it exists: the one whose checkout we are in.
    """

    services: Collection[ServiceName] = ()
    environments: Collection[str] = ()
    project: str | None = None
    usual: ServiceName | None = None


def advice(word: str, snapshot: Snapshot, team: TeamSettings) -> str | None:
    """Return what to type where a service was expected and `word` names an environment."""
    try:
        candidates(word, snapshot.environments.keys(), team)
    except UnknownEnvironment:
        return None
    return f"`{one_line(word)}` is an environment or a stage: -e {one_line(word)}"


def selected_environments(
    snapshot: Snapshot, team: TeamSettings, wanted: Filter
) -> list[EnvironmentName]:
    """Return the environments to look at, in order; raises UnknownEnvironment."""
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
