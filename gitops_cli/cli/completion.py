"""What the shell completes: environments, stages, projects, services, recent hashes and commits.

Runs on every Tab, so it reads the local repository only, says nothing and never fails. Only names
and versions that passed the domain's parsers are offered: zsh evaluates what we print. They come
without explanations, which Typer renders with Rich: 80 ms, and lines broken in the middle.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gitops_cli.cli.output import Format, Output
from gitops_cli.cli.session import Session, SharedOptions
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import candidates, in_order, place_of
from gitops_cli.domain.version import parse_version

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

RECENT = 10  # versions offered for a service


def complete_environment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return stages and environments that begin with `incomplete`."""
    with suppress(GitOpsError, OSError):
        _, snapshot = _local(ctx)
        names = _of_project(ctx, snapshot)
        stages = dict.fromkeys(place_of(name, snapshot.team).stage for name in names)
        return _beginning([*stages, *names], incomplete)
    return []


def complete_whole_environment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return environments that begin with `incomplete`, for what no stage's name will do."""
    with suppress(GitOpsError, OSError):
        _, snapshot = _local(ctx)
        return _beginning(_of_project(ctx, snapshot), incomplete)
    return []


def complete_project(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return projects that begin with `incomplete`."""
    with suppress(GitOpsError, OSError):
        _, snapshot = _local(ctx)
        projects = (
            place_of(n, snapshot.team).project
            for n in in_order(snapshot.environments, snapshot.team)
        )
        return _beginning(filter(None, projects), incomplete)
    return []


def complete_service(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return services that begin with `incomplete`, of the environments the line names."""
    with suppress(GitOpsError, OSError):
        _, snapshot = _local(ctx)
        given = {str(word) for word in ctx.params.get("services") or ()}
        names = _named(ctx, snapshot)
        services = {service for name in names for service in snapshot.environments[name].files}
        return _beginning(sorted(services - given), incomplete)
    return []


def complete_service_or_environment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return services that begin with `incomplete`, then stages and environments."""
    found = complete_service(ctx, incomplete)
    return list(dict.fromkeys([*found, *complete_environment(ctx, incomplete)]))


def complete_assignment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return services, and behind `service=` the versions that are recorded anywhere."""
    words = [*(str(word) for word in ctx.params.get("assignments") or ()), incomplete]
    service, equals, _ = incomplete.partition("=")
    if _on_equals() and words[:-1]:  # bash takes `service=hash` for three words
        return _versions_of(ctx, words[-2])
    if words[-2:-1] == ["="] and words[:-2]:
        return _beginning(_versions_of(ctx, words[-3]), incomplete)
    if not equals:
        return complete_service(ctx, incomplete)
    return _beginning((f"{service}={v}" for v in _versions_of(ctx, service)), incomplete)


def complete_version(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the last versions of the services and environments that the line names."""
    with suppress(GitOpsError, OSError):
        state, snapshot = _local(ctx)
        # An option without its value yet keeps the parser from reading the arguments.
        services = {*_words(), *(str(word) for word in ctx.params.get("services") or ())}
        files = (
            file
            for name in _named(ctx, snapshot)
            for file in snapshot.environments[name].files.values()
            if file.service in services
        )
        found = [v for file in files for v in _recent(state, file.path, snapshot.commit)]
        return _beginning(found, incomplete)
    return []


def complete_commit(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the last state commits that changed the environment which the line names, or any."""
    with suppress(GitOpsError, OSError):
        state, snapshot = _local(ctx)
        names = _named(ctx, snapshot)
        under = names[0] if len(names) == 1 else None
        if snapshot.commit is not None:
            found = state.past.recent_commits(snapshot.commit, under=under, limit=RECENT)
            return _beginning(found, incomplete)
    return []


def _on_equals() -> bool:
    """Tell whether the word to complete is a lone `=`, which arrives here as nothing at all."""
    words, at = _words(), os.environ.get("COMP_CWORD", "")
    return at.isdigit() and words[int(at) : int(at) + 1] == ["="]


def _words() -> list[str]:
    """Return the line so far, as the shell handed it over."""
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()


def _versions_of(ctx: typer.Context, service: str) -> list[str]:
    """Return the versions of a service that are recorded in any environment."""
    with suppress(GitOpsError, OSError):
        _, snapshot = _local(ctx)
        environments = (
            snapshot.environments[n] for n in in_order(snapshot.environments, snapshot.team)
        )
        found = (v for e in environments for s, v in e.versions.items() if s == service)
        return list(dict.fromkeys(map(str, found)))
    return []


def _recent(state: StateRepository, path: str, start: str | None) -> Iterator[str]:
    changes = state.past.file_history(path, start=start, limit=RECENT) if start else iter(())
    for change in islice(changes, RECENT):
        version = parse_version((change.new or b"").decode(errors="replace").strip())
        if version is not None:
            yield str(version)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _named(ctx: typer.Context, snapshot: Snapshot) -> list[EnvironmentName]:
    """Return the environments that the line's options mean so far; all if they mean none."""
    for key in ("env", "source", "environments", "target"):
        given = ctx.params.get(key)
        for word in [given] if isinstance(given, str) else given or ():
            with suppress(GitOpsError):
                project = ctx.params.get("project")
                return candidates(
                    word, snapshot.environments.keys(), snapshot.team, project=project
                )
    return _of_project(ctx, snapshot)


def _of_project(ctx: typer.Context, snapshot: Snapshot) -> list[EnvironmentName]:
    project = ctx.params.get("project")
    names = in_order(snapshot.environments, snapshot.team)
    return [name for name in names if project in (None, place_of(name, snapshot.team).project)]


@cache
def _local(ctx: typer.Context) -> tuple[StateRepository, Snapshot]:
    """Return the repository the command would use, as far as it is known without a network.

    Opened once for all that may complete a word.
    """
    before = ctx.find_root().params  # as in `gitops -C PATH status`
    directory = ctx.params.get("directory") or before.get("directory")
    repo = ctx.params.get("repo") or before.get("repo")
    shared = SharedOptions(
        Path(directory) if directory else None, repo, offline=True, output=Format.TABLE
    )
    session = ctx.with_resource(Session(shared, Output(quiet=True)))
    session.config_is_told = True  # by the command itself, not by the shell while it is typed
    snapshot = session.state.snapshot(session.state.tip(require_remote=False).commit)
    return session.state, snapshot
