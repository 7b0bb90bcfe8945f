"""Where a forge shows a service's changes, an environment, a commit, or the state repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import UnknownService, UsageError
from gitops_cli.domain.forge_links import ForgeHosts, Project, project_at
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.resolution import stage_before
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import is_commit

if TYPE_CHECKING:
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository

_PREFIX = re.compile(r"[0-9a-f]{7,64}")


class ForgePage(NamedTuple):
    """A page of a forge, and what it shows."""

    url: str
    shows: str


def is_prefix(word: str) -> bool:
    """Tell whether a word may be a commit's hash, or its beginning."""
    return _PREFIX.fullmatch(word) is not None


def page_of_state(state: StateRepository, forges: ForgeHosts) -> ForgePage:
    """Return the state repository's own page; raises UsageError where no forge has it."""
    return ForgePage(_project(state, forges).page, "the state repository")


def page_of_environment(
    state: StateRepository, forges: ForgeHosts, name: EnvironmentName
) -> ForgePage:
    """Return the page of an environment's directory; raises UsageError."""
    project = _project(state, forges)
    return ForgePage(project.directory(state.branch or "main", name), f"{name}, as it is recorded")


def page_of_commit(
    state: StateRepository, forges: ForgeHosts, snapshot: Snapshot, sources: Sources, prefix: str
) -> ForgePage:
    """Return the page of a state commit, or of a commit of a service that is recorded somewhere.

    Raises UsageError.
    """
    versions = {
        (service, version.tag)
        for environment in snapshot.environments.values()
        for service, version in environment.versions.items()
        if version.is_commit and version.tag.startswith(prefix)
    }
    if versions:
        service, commit = min(versions)
        return ForgePage(_source(sources, service).commit(commit), f"{commit[:7]} of {service}")
    commit = state.resolve(prefix)
    shows = f"{commit[:7]} of the state repository"
    return ForgePage(_project(state, forges).commit(commit), shows)


def page_of_service(
    snapshot: Snapshot, sources: Sources, service: ServiceName, name: EnvironmentName | None
) -> ForgePage:
    """Return the page of what the stage before an environment has and it lacks.

    Of an environment without a stage before it, or with the same version, it is the version's
    commit; without an environment the source's own page. Raises UsageError, UnknownService.
    """
    known = {each for environment in snapshot.environments.values() for each in environment.files}
    if service not in known:
        raise UnknownService(
            f"no service `{service}` is recorded anywhere", hint=did_you_mean(service, known)
        )
    project = _source(sources, service)
    if name is None:
        return ForgePage(project.page, f"the source of {service}")
    here = snapshot.environment(name).file(service).version.tag
    if not is_commit(here):
        raise UsageError(f"{service} is recorded as {here} in {name}, which is no commit")
    try:
        before = stage_before(name, snapshot.environments, snapshot.team)
        there = snapshot.environment(before).file(service).version.tag
    except UsageError:
        there = here
    if there == here or not is_commit(there):
        return ForgePage(project.commit(here), f"{here[:7]} of {service}, as {name} has it")
    return ForgePage(
        project.compare(here, there), f"what {before} has of {service}, and {name} lacks"
    )


def _source(sources: Sources, service: ServiceName) -> Project:
    source = sources.of(service)
    if source.remote is None:
        raise UsageError(
            f"the source of {service} has no address on the web",
            hint=f"say it in gitops.toml: [service.{service}] source = URL",
        )
    return _known(source.project, source.remote)


def _project(state: StateRepository, forges: ForgeHosts) -> Project:
    return _known(project_at(state.address(forges), forges), state.description)


def _known(project: Project | None, remote: str) -> Project:
    if project is None:
        raise UsageError(
            f"no page is known of {one_line(remote)}",
            hint="forges are known by their host: GitHub, GitLab, Bitbucket, Azure DevOps, Gitea; "
            "another is told by `gitops config set forge.HOST.kind`",
        )
    return project
