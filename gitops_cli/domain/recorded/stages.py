"""Projects and stages: `dev` of project1 is `project1-development` (spec, section 2)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from typing import NamedTuple

from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line


class Place(NamedTuple):
    """Where an environment belongs. `project` is empty for an environment named like a stage."""

    environment: EnvironmentName
    project: str
    stage: str


def place_of(name: EnvironmentName, team: TeamSettings) -> Place:
    """Split a name at the longest declared stage that is its suffix, else at its last `-`."""
    ranks = _ranks(team.stages)
    if name in ranks:
        return Place(name, "", name)
    project, dash, stage = name.partition("-")
    while dash and stage not in ranks:
        more, dash, stage = stage.partition("-")
        project = f"{project}-{more}"
    if dash:
        return Place(name, project, stage)
    project, _, stage = name.rpartition("-")
    return Place(name, project, stage)


@functools.cache
def _ranks(stages: tuple[str, ...]) -> dict[str, int]:
    """Return each stage's place. Kept: thousands of environments are split by the same few."""
    return {stage: rank for rank, stage in enumerate(stages)}


def by_project(
    names: Iterable[EnvironmentName], team: TeamSettings
) -> dict[str, list[EnvironmentName]]:
    """Return environments by their project, in the order they come."""
    projects: dict[str, list[EnvironmentName]] = {}
    for name in names:
        projects.setdefault(place_of(name, team).project, []).append(name)
    return projects


def stage_rank(stage: str, team: TeamSettings) -> tuple[int, str]:
    """Return a key that sorts stages as the team ordered them, unknown ones last."""
    return (_ranks(team.stages).get(stage, len(team.stages)), stage)


def in_order(names: Iterable[EnvironmentName], team: TeamSettings) -> list[EnvironmentName]:
    """Sort environments by project, then by stage order."""
    places = [place_of(name, team) for name in names]
    return [
        p.environment for p in sorted(places, key=lambda p: (p.project, stage_rank(p.stage, team)))
    ]


def stage_named(word: str, known: Collection[str], team: TeamSettings) -> str:
    """Return the stage meant by a full name, an alias, `stage`, or an unambiguous prefix."""
    if word in known:
        return word
    for rules in team.rules.values():
        if word in rules.aliases:
            return rules.name
    if word == "stage" and "staging" in known:
        return "staging"
    fits = sorted(stage for stage in known if word and stage.startswith(word))
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UnknownEnvironment(
            f"`{one_line(word)}` fits several stages: {', '.join(fits)}", hint="write more of it"
        )
    raise UnknownEnvironment(
        f"there is no environment or stage `{one_line(word)}`",
        hint=f"stages: {', '.join(known) or 'none'}; `gitops env list` shows the environments",
    )


def candidates(
    word: str,
    environments: Collection[EnvironmentName],
    team: TeamSettings,
    *,
    project: str | None = None,
) -> list[EnvironmentName]:
    """Return the environments that `word` can mean, in order: one for a full name.

    A stage's name means that stage of every project, or of `project`. Raises UnknownEnvironment
    when it means none.
    """
    if not environments:
        raise UnknownEnvironment(
            "the repository has no environments",
            hint="is it your state repository? -C PATH, -R URL or GITOPS_REPO name another; "
            "`gitops env add NAME` makes an environment",
        )
    exact = EnvironmentName(word)
    if exact in environments:
        return [exact]
    places = [place_of(name, team) for name in environments]
    known = sorted({p.stage for p in places}, key=lambda stage: stage_rank(stage, team))
    stage = stage_named(word, known or team.stages, team)
    fits = [p.environment for p in places if p.stage == stage and project in (None, p.project)]
    if not fits:
        where = f"project `{one_line(project)}`" if project else "any project"
        projects = ", ".join(sorted({p.project for p in places if p.project}))
        raise UnknownEnvironment(
            f"there is no {stage} environment in {where}",
            hint=f"projects: {projects or 'none'}",
        )
    return in_order(fits, team)


class Ambiguous(UsageError):
    """Several environments fit; a terminal may choose, a script must say."""

    code = "ambiguous"

    def __init__(self, word: str, fits: Collection[EnvironmentName]) -> None:
        super().__init__(
            f"`{one_line(word)}` fits several environments: {', '.join(fits)}",
            hint="add --project, or write the full name",
        )
        self.word = word
        self.fits = tuple(fits)


def the_one(
    word: str,
    environments: Collection[EnvironmentName],
    team: TeamSettings,
    *,
    project: str | None = None,
) -> EnvironmentName:
    """Return the one environment that `word` means; raises Ambiguous or UnknownEnvironment."""
    fits = candidates(word, environments, team, project=project)
    if len(fits) > 1:
        raise Ambiguous(word, fits)
    return fits[0]
