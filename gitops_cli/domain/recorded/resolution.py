"""Which environment, project and service a few words mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, is_dns_label
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import Ambiguous, candidates, in_order, place_of, stage_rank
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line


def environment_for(
    word: str,
    snapshot: Snapshot,
    *,
    project: str | None = None,
    services: Collection[ServiceName] = (),
    usual_project: str | None = None,
) -> EnvironmentName:
    """Return the environment that `word` means; raises Ambiguous or UnknownEnvironment.

    Where a stage exists in several projects, `project` decides; else that all `services` live in
    one project only; else `usual_project`, a person's default.
    """
    team = snapshot.team
    fits = candidates(word, snapshot.environments.keys(), team, project=project)
    if len(fits) > 1:
        fits = _of_services(fits, snapshot, services) or fits
    if len(fits) > 1 and usual_project is not None:
        fits = [e for e in fits if place_of(e, team).project == usual_project] or fits
    if len(fits) > 1:
        raise Ambiguous(word, fits)
    return fits[0]


def _of_services(
    fits: Collection[EnvironmentName],
    snapshot: Snapshot,
    services: Collection[ServiceName],
) -> list[EnvironmentName]:
    """Return the environments of those projects in which all the services live, in any stage."""
    if not services:
        return []
    homes = [projects_with(service, snapshot) for service in services]
    shared = set.intersection(*(set(home) for home in homes))
    return [e for e in fits if place_of(e, snapshot.team).project in shared]


def projects_with(service: ServiceName, snapshot: Snapshot) -> list[str]:
    """Return the projects in which the service lives, in whatever stage."""
    return sorted(
        {
            place_of(name, snapshot.team).project
            for name, environment in snapshot.environments.items()
            if service in environment.files
        }
    )


def stage_before(
    target: EnvironmentName, environments: Iterable[EnvironmentName], team: TeamSettings
) -> EnvironmentName:
    """Return which of the environments a promotion to `target` comes from when nobody says so.

    The only stage of `promote_from` that the project has, else the nearest one before in order.
    Raises Ambiguous or UnknownEnvironment.
    """
    place = place_of(target, team)
    siblings = {
        p.stage: p.environment
        for p in (place_of(name, team) for name in environments)
        if p.project == place.project and p.environment != target
    }
    declared = team.stage(place.stage).promote_from
    if declared is not None:
        fits = [siblings[stage] for stage in declared if stage in siblings]
        if len(fits) > 1:
            raise Ambiguous("--from", fits)
        if fits:
            return fits[0]
    rank = stage_rank(place.stage, team)
    before = [s for s in siblings if s in team.stages and stage_rank(s, team) < rank]
    if declared is None and before:
        return siblings[max(before, key=lambda stage: stage_rank(stage, team))]
    others = ", ".join(in_order(siblings.values(), team)) or "none"
    raise UnknownEnvironment(
        f"no stage comes before {target}",
        hint=f"say where to promote from: --from ENV (others of the project: {others})",
    )


def service_of_remote(
    remotes: Sequence[str], directory: str, team: TeamSettings, within: str = ""
) -> ServiceName:
    """Return which service a checkout with these URLs, in a directory of this name, is.

    `within` is where one stands below its root: of several services of one repository it is the
    one whose `path` that is, or lies around it.
    `remotes` name one repository: as it was configured, and as git takes that. gitops.toml's
    `[service.X] source` decides, else the repository's name, else the directory's. Raises
    UsageError.
    """
    matching = [rules for rules in team.services.values() if _is_one(rules.source, remotes)]
    around = [rules for rules in matching if is_around(rules.path, within)]
    deepest = max((len(rules.path or "") for rules in around), default=0)
    nearest = [rules for rules in around if len(rules.path or "") == deepest] or matching
    if len(nearest) == 1:
        return nearest[0].name
    if matching:
        names = ", ".join(sorted(rules.name for rules in matching))
        paths = sorted(rules.path for rules in matching if rules.path is not None)
        there = f", or stand in its directory ({', '.join(paths)})" if paths else ""
        raise UsageError(
            f"this checkout is the source of several services: {names}",
            hint=f"name the service: SERVICE=HASH{there}",
        )
    from gitops_cli.domain.git_url import repository_name  # in a service's checkout

    for name in (*map(repository_name, remotes[:1]), directory):
        if is_dns_label(name.lower()):
            return ServiceName(name.lower())
    raise UsageError(
        f"`{one_line(directory)}` is not the name of a service", hint="name it: SERVICE=HASH"
    )


def is_around(path: str | None, within: str) -> bool:
    """Tell whether a directory of a repository is or contains another; None contains all."""
    return path is None or f"{within}/".startswith(f"{path}/")


def is_declared(service: ServiceName, remotes: Sequence[str], team: TeamSettings) -> bool:
    """Tell whether gitops.toml says that a checkout with these URLs is a service's source."""
    return _is_one(team.service(service).source, remotes)


def _is_one(source: str | None, remotes: Sequence[str]) -> bool:
    if source is None:
        return False
    from gitops_cli.domain.git_url import same_repository

    return any(same_repository(source, remote) for remote in remotes)


def is_source_of(
    service: ServiceName, remotes: Sequence[str], directory: str, team: TeamSettings
) -> bool:
    """Tell whether a checkout with these URLs, in a directory of this name, is a service's source.

    One repository may be declared as the source of several services.
    """
    if is_declared(service, remotes, team):
        return True
    try:
        return service_of_remote(remotes, directory, team) == service
    except UsageError:
        return False
