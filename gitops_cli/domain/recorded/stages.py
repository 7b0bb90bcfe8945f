"""Projects and stages: `dev` of project1 is `project1-development` (spec, section 2)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple


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


def declared_stage(word: str, team: TeamSettings) -> str | None:
    """Return the declared stage meant by its name, an alias, `stage` or a prefix; None: none.

    What the environments are called never decides: a word means the same to everybody, whatever
    somebody adds. Raises UnknownEnvironment where a prefix fits several.
    """
    if word in team.stages:
        return word
    for rules in team.rules.values():
        if word in rules.aliases:
            return rules.name
    if word == "stage" and "staging" in team.stages:
        return "staging"
    fits = [stage for stage in team.stages if word and stage.startswith(word)]
    if len(fits) > 1:
        raise UnknownEnvironment(
            f"`{one_line(word)}` fits several stages: {', '.join(fits)}", hint="write more of it"
        )
    return fits[0] if fits else None


def candidates(
    word: str,
    environments: Collection[EnvironmentName],
    team: TeamSettings,
    *,
    project: str | None = None,
) -> list[EnvironmentName]:
    """Return the environments that `word` can mean, in order: one for a full name.

    A stage's name means that stage of every project, or of `project`. A name whose own last part
    is the word fits as well, so `dev` may be both development and the end of `shop-dev`. Raises
    UnknownEnvironment when it means none.
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
    stage = declared_stage(word, team)
    places = [place_of(name, team) for name in environments]
    if stage is None and not any(place.stage == word for place in places):
        raise _unknown(word, places, team)
    mine = of_project(environments, project, team) if project is not None else environments
    fits = [name for name in mine if place_of(name, team).stage in (stage, word)]
    if not fits:
        where = f"project `{one_line(project)}`" if project else "any project"
        projects = ", ".join(sorted({p.project for p in places if p.project}))
        raise UnknownEnvironment(
            f"there is no {stage or one_line(word)} environment in {where}",
            hint=f"projects: {projects or 'none'}",
        )
    return in_order(fits, team)


def of_one_stage(
    word: str,
    environments: Collection[EnvironmentName],
    team: TeamSettings,
    *,
    project: str | None = None,
) -> list[EnvironmentName]:
    """Return all environments that `word` means, for commands that take a stage of all projects.

    Raises Ambiguous where it means a stage and also the end of another name.
    """
    fits = candidates(word, environments, team, project=project)
    if len({place_of(name, team).stage for name in fits}) > 1:
        raise Ambiguous(word, fits, hint="write the whole name of the stage or the environment")
    return fits


def of_project(
    names: Iterable[EnvironmentName], project: str, team: TeamSettings
) -> list[EnvironmentName]:
    """Return the environments of a project, in order; raises UnknownEnvironment for none."""
    projects = by_project(names, team)
    if project not in projects:
        known = sorted(filter(None, projects))
        raise UnknownEnvironment(
            f"there is no project `{one_line(project)}`",
            hint=did_you_mean(project, known) or f"projects: {', '.join(known) or 'none'}",
        )
    return in_order(projects[project], team)


def _unknown(word: str, places: Collection[Place], team: TeamSettings) -> UnknownEnvironment:
    stages = sorted({p.stage for p in places}, key=lambda stage: stage_rank(stage, team))
    aliases = [alias for rules in team.rules.values() for alias in rules.aliases]
    known = (*(p.environment for p in places), *stages, *team.stages, *aliases)
    hint = project_advice(word, (p.project for p in places)) or did_you_mean(word, known)
    hint = hint or did_you_mean(word, _abbreviated(word, stages), cutoff=0.0)
    return UnknownEnvironment(
        f"there is no environment or stage `{one_line(word)}`",
        hint=hint or f"stages: {', '.join(stages)}; `gitops env list` shows the environments",
    )


def project_advice(word: str, projects: Iterable[str]) -> str | None:
    """Return what to type where something else was expected and `word` names a project."""
    said = one_line(word)
    return f"`{said}` is a project: -p {said}" if word and word in set(projects) else None


def _abbreviated(word: str, stages: Iterable[str]) -> list[str]:
    """Return the stages that a word may be short for: `prd`, `stg`."""
    return [
        stage
        for stage in stages
        if len(word) > 1 and stage.startswith(word[0]) and _is_within(word, stage)
    ]


def _is_within(word: str, name: str) -> bool:
    """Tell whether a name has all letters of a word, in their order."""
    letters = iter(name)
    return all(letter in letters for letter in word)


def made_ambiguous(name: EnvironmentName, team: TeamSettings) -> str | None:
    """Return what an environment of this name makes of a short stage name; None: nothing.

    `shop-dev` beside a declared stage `development`: `dev` is then no longer clear.
    """
    short = place_of(name, team).stage
    try:
        stage = declared_stage(short, team)
    except UnknownEnvironment:
        return None
    if stage is None or stage == short:
        return None
    full = name.removesuffix(short) + stage
    return (
        f"{name} is of a stage `{short}` that gitops.toml does not declare: where `{short}` could "
        f"mean {stage} as well, it is ambiguous from now on ({full} would be of that stage)"
    )


class Ambiguous(UsageError):
    """Several environments fit; a terminal may choose, a script must say."""

    code = "ambiguous"

    def __init__(
        self,
        word: str,
        fits: Collection[EnvironmentName],
        *,
        hint: str = "add --project, or write the full name",
    ) -> None:
        super().__init__(
            f"`{one_line(word)}` fits several environments: {', '.join(fits)}", hint=hint
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
