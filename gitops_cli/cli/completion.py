"""What the shell completes: environments, stages, projects, services and recent hashes.

Runs on every Tab, so it reads the local repository only, says nothing and never fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import typer

from gitops_cli.cli.output import Output
from gitops_cli.cli.session import Session, SharedOptions
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.repository import Snapshot
from gitops_cli.domain.stages import candidates, in_order, place_of
from gitops_cli.domain.team import Team
from gitops_cli.settings import parse_team

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

Completions = list[tuple[str, str]]

RECENT = 10  # versions offered for a service


def complete_environment(ctx: typer.Context, incomplete: str) -> Completions:
    """Return stages and environments that begin with `incomplete`."""
    with suppress(GitOpsError, OSError):
        _, snapshot, team = _local(ctx)
        names = in_order(snapshot.environments, team)
        places = [place_of(name, team) for name in names]
        project = ctx.params.get("project")
        stages = dict.fromkeys(p.stage for p in places if project in (None, p.project))
        fits = [(stage, "stage") for stage in stages]
        fits += [(p.environment, p.project) for p in places if project in (None, p.project)]
        return _beginning(fits, incomplete)
    return []


def complete_project(ctx: typer.Context, incomplete: str) -> Completions:
    """Return projects that begin with `incomplete`."""
    with suppress(GitOpsError, OSError):
        _, snapshot, team = _local(ctx)
        stages: dict[str, list[str]] = {}
        for name in in_order(snapshot.environments, team):
            place = place_of(name, team)
            stages.setdefault(place.project, []).append(place.stage)
        return _beginning(((p, ", ".join(s)) for p, s in stages.items() if p), incomplete)
    return []


def complete_service(ctx: typer.Context, incomplete: str) -> Completions:
    """Return services that begin with `incomplete`, of the environments the line names."""
    with suppress(GitOpsError, OSError):
        _, snapshot, team = _local(ctx)
        given = {str(word) for word in ctx.params.get("services") or ()}
        found: dict[str, list[str]] = {}
        for name in _named(ctx, snapshot, team):
            for service in snapshot.environments[name].files:
                if service not in given:
                    found.setdefault(service, []).append(name)
        fits = ((service, ", ".join(names)) for service, names in sorted(found.items()))
        return _beginning(fits, incomplete)
    return []


def complete_assignment(ctx: typer.Context, incomplete: str) -> Completions:
    """Return services, and behind `service=` the versions that are recorded anywhere."""
    words = [*(str(word) for word in ctx.params.get("assignments") or ()), incomplete]
    service, equals, _ = incomplete.partition("=")
    if words[-1] == "=" and words[:-1]:  # bash takes `service=hash` for three words
        return _beginning(_versions_of(ctx, words[-2]), "")
    if words[-2:-1] == ["="]:
        return _beginning(_versions_of(ctx, words[-3]), incomplete) if words[:-2] else []
    if not equals:
        return complete_service(ctx, incomplete)
    found = ((f"{service}={version}", where) for version, where in _versions_of(ctx, service))
    return _beginning(found, incomplete)


def _versions_of(ctx: typer.Context, service: str) -> list[tuple[str, str]]:
    """Return the versions of a service with the environments that record them."""
    versions: dict[str, list[str]] = {}
    with suppress(GitOpsError, OSError):
        _, snapshot, _ = _local(ctx)
        for name, environment in snapshot.environments.items():
            for known, version in environment.versions.items():
                if known == service:
                    versions.setdefault(str(version), []).append(name)
    return [(version, ", ".join(names)) for version, names in versions.items()]


def complete_version(ctx: typer.Context, incomplete: str) -> Completions:
    """Return the last versions of the services and environments that the line names."""
    with suppress(GitOpsError, OSError):
        state, snapshot, team = _local(ctx)
        services = [str(word) for word in ctx.params.get("services") or ()]
        found: dict[str, str] = {}
        for name in _named(ctx, snapshot, team):
            files = snapshot.environments[name].files
            for file in (f for s, f in files.items() if s in services):
                for version, when in _recent(state, file.path, snapshot.commit):
                    found.setdefault(version, f"{when} {name}")
        return _beginning(found.items(), incomplete)
    return []


def _recent(state: StateRepository, path: str, start: str | None) -> Iterator[tuple[str, str]]:
    changes = state.file_history(path, start=start, limit=RECENT) if start else iter(())
    for change in islice(changes, RECENT):
        if change.new is not None:
            text = change.new.decode(errors="replace").strip()
            yield text, f"{change.made_by.authored_at:%Y-%m-%d %H:%M}"


def _beginning(fits: Iterable[tuple[str, str]], incomplete: str) -> Completions:
    return [(value, what) for value, what in fits if value.startswith(incomplete)]


def _named(ctx: typer.Context, snapshot: Snapshot, team: Team) -> list[EnvironmentName]:
    """Return the environments that the line's options mean so far; all if they mean none."""
    names, project = snapshot.environments.keys(), ctx.params.get("project")
    words = [ctx.params.get(key) for key in ("env", "source", "environments", "target")]
    for word in words:
        for one in [word] if isinstance(word, str) else word or ():
            with suppress(GitOpsError):
                return candidates(one, names, team, project=project)
    return [n for n in names if project in (None, place_of(n, team).project)]


def _local(ctx: typer.Context) -> tuple[StateRepository, Snapshot, Team]:
    """Return the repository the command would use, as far as it is known without a network."""
    given = {**(ctx.parent.params if ctx.parent else {}), **ctx.params}
    shared = SharedOptions(given.get("directory"), given.get("repo"), offline=True)
    session = ctx.with_resource(Session(shared, Output(quiet=True)))
    snapshot = session.state.snapshot(session.state.tip(require_remote=False).commit)
    return session.state, snapshot, parse_team(snapshot.settings)
