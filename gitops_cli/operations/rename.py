"""Give a service another name in the record: its version files, locks and table of gitops.toml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.change.draft import Verb, commit_of
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Edit, Move, Proposal
from gitops_cli.domain.change.rules import Case, obeyed
from gitops_cli.domain.errors import SourceMoved, UnknownService, UsageError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.environment import Environment, Snapshot, VersionFile
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX, LOCK_SUFFIX, SETTINGS
from gitops_cli.domain.recorded.resolution import projects_with
from gitops_cli.domain.recorded.stages import in_order, place_of
from gitops_cli.domain.recorded.team_rename import (
    with_service_copied,
    with_service_renamed,
    with_workload,
)
from gitops_cli.domain.text import plural
from gitops_cli.operations.writing import Terms, check_confirmed, occasion_of


class SettingsTable(StrEnum):
    """What becomes of `[service.OLD]` in gitops.toml."""

    NONE = "none"
    RENAMED = "renamed"
    COPIED = "copied"
    """The service keeps its old name in environments that are not renamed."""
    LEFT = "left"
    """The new name has a table already."""


class Renaming(NamedTuple):
    """A service's new name, and the environments that it gets it in; all of these have it now.

    `keep_workload`: what runs in the clusters keeps its name, by `[service.NEW] workload`.
    """

    old: ServiceName
    new: ServiceName
    environments: tuple[EnvironmentName, ...]
    keep_workload: bool = False


class Renamed(NamedTuple):
    """The service in one environment: its file as it is now, and the images before and after."""

    file: VersionFile
    environment: EnvironmentName
    image: ImageRef | None
    new_image: ImageRef | None


class RenameDraft(NamedTuple):
    """What a rename does on one tip. `workload` is what it is called in clusters from now on."""

    old: ServiceName
    new: ServiceName
    places: tuple[Renamed, ...]
    table: SettingsTable
    workload: str
    proposal: Proposal
    reason: str | None = None
    overrides: tuple[Override, ...] = ()


def plan_renaming(
    snapshot: Snapshot,
    old: ServiceName,
    new: ServiceName,
    *,
    environments: Collection[EnvironmentName] = (),
    project: str | None = None,
    keep_workload: bool = False,
) -> Renaming:
    """Return where the service is renamed: in the named environments, or all of its project.

    Raises UnknownService, and UsageError where that leaves it open or the name is taken.
    """
    if old == new:
        raise UsageError(f"{old} is called so already")
    names = environments or _of_project(snapshot, old, project)
    for name in names:
        snapshot.environment(name).file(old)
    chosen = tuple(in_order(set(names), snapshot.team))
    _check_free(snapshot, new, chosen)
    stays = [name for name, e in snapshot.environments.items() if old in e.files]
    if keep_workload and set(stays) - set(chosen):
        # The table says it of all environments with the new name, which is right; but then one
        # workload would go by two names, depending on where one looks.
        raise UsageError(
            f"{old} would keep its name in {', '.join(sorted(set(stays) - set(chosen)))}",
            hint="leave --keep-workload out, or rename it there, too",
        )
    return Renaming(old, new, chosen, keep_workload)


def _of_project(
    snapshot: Snapshot, service: ServiceName, project: str | None
) -> list[EnvironmentName]:
    team = snapshot.team
    projects = projects_with(service, snapshot)
    if project is None and len(projects) > 1:
        raise UsageError(
            f"{service} lives in several projects: {', '.join(projects)}",
            hint="add --project, or name the environments with -e",
        )
    found = [
        name
        for name, environment in snapshot.environments.items()
        if service in environment.files and project in (None, place_of(name, team).project)
    ]
    if not found:
        known = {s for environment in snapshot.environments.values() for s in environment.files}
        where = f"project {project}" if project else "no environment"
        raise UnknownService(
            f"{where} has {'no' if project else 'a'} service `{service}`",
            hint=did_you_mean(service, known) or "`gitops status` shows the services",
        )
    return found


def _check_free(
    snapshot: Snapshot, new: ServiceName, environments: Collection[EnvironmentName]
) -> None:
    for name in environments:
        here = snapshot.environment(name)
        wrong = [f.path for f in here.findings if f.path.rpartition(".")[0] == f"{name}/{new}"]
        if new in here.files:
            hint = f"`gitops remove {new} -e {name}` takes it out of the record"
        elif new in here.locks:
            hint = f"`gitops unlock {new} -e {name}` takes its lock away"
        elif wrong:
            hint = f"`git rm {wrong[0]}` takes it out of the record"
        else:
            continue
        raise UsageError(f"{name} has something called {new} already", hint=hint)


def draft_renaming(
    snapshot: Snapshot, planned: Renaming, terms: Terms, *, now: datetime
) -> RenameDraft:
    """Return the rename on this tip, with the versions that it has now.

    Raises SourceMoved where other environments have the service than was shown, Unconfirmed for a
    protected stage, and what refuses a write.
    """
    team = snapshot.team
    missing = [
        name
        for name in planned.environments
        if name not in snapshot.environments or planned.old not in snapshot.environments[name].files
    ]
    if missing:
        raise SourceMoved(
            f"{planned.old} is not in {', '.join(missing)} any more, nothing was written",
            hint="look with `gitops status`, then repeat the command",
        )
    _check_free(snapshot, planned.new, planned.environments)
    here = [snapshot.environments[name] for name in planned.environments]
    used: set[Override] = set()
    for environment in here:
        changes = tuple(_changes(environment, planned))
        case = Case(Verb.RENAME, team, environment, changes, now, reviewed=terms.reviewed)
        used |= set(obeyed(case, terms.overrides))
        check_confirmed(environment.name, case.stage, terms)
    table, settings = _settings(snapshot, planned)
    overrides = tuple(sorted(used))
    moves = tuple(move for environment in here for move in _moves(environment, planned))
    return RenameDraft(
        planned.old,
        planned.new,
        tuple(_renamed(environment, planned) for environment in here),
        table,
        team.service(planned.old).workload
        or (planned.old if planned.keep_workload else planned.new),
        _proposal(snapshot, planned, moves, settings, terms, overrides),
        terms.reason,
        overrides,
    )


def _changes(environment: Environment, planned: Renaming) -> Iterator[Change]:
    version = environment.files[planned.old].version
    yield Change(planned.old, version, None)
    yield Change(planned.new, None, version)


def _moves(environment: Environment, planned: Renaming) -> Iterator[Move]:
    file = environment.files[planned.old]
    yield Move(file.path, f"{environment.name}/{planned.new}{file.kind.suffix}")
    beside = f"{environment.name}/{planned.new}"
    lock, approval = (n.get(planned.old) for n in (environment.locks, environment.approvals))
    if lock is not None:
        yield Move(lock.path, f"{beside}{LOCK_SUFFIX}")
    if approval is not None:
        yield Move(approval.path, f"{beside}{APPROVAL_SUFFIX}")


def _renamed(environment: Environment, planned: Renaming) -> Renamed:
    file = environment.files[planned.old]
    if environment.images_path is None:
        return Renamed(file, environment.name, None, None)
    return Renamed(
        file,
        environment.name,
        environment.image(planned.old),
        environment.image_of(planned.new, file.version),
    )


def _settings(snapshot: Snapshot, planned: Renaming) -> tuple[SettingsTable, tuple[Edit, ...]]:
    """Return what becomes of the service's table, and the file's edit; raises UsageError."""
    services = snapshot.team.services
    before = snapshot.settings.data if snapshot.settings is not None else None
    data, table = before or b"", SettingsTable.NONE
    if planned.old in services:
        stays = any(
            planned.old in environment.files
            for name, environment in snapshot.environments.items()
            if name not in planned.environments
        )
        if planned.new in services:
            table = SettingsTable.LEFT
        elif stays:
            table = SettingsTable.COPIED
            data = with_service_copied(data, planned.old, planned.new)
        else:
            table = SettingsTable.RENAMED
            data = with_service_renamed(data, planned.old, planned.new)
    if planned.keep_workload and snapshot.team.service(planned.old).workload is None:
        data = with_workload(data, planned.new, planned.old)
    if data == (before or b""):
        return table, ()
    return table, (Edit(SETTINGS, before, data),)


def _proposal(
    snapshot: Snapshot,
    planned: Renaming,
    moves: Sequence[Move],
    settings: tuple[Edit, ...],
    terms: Terms,
    overrides: tuple[Override, ...],
) -> Proposal:
    occasion = occasion_of(Verb.RENAME, terms, snapshot.team)._replace(overrides=overrides)
    names = planned.environments
    proposal = commit_of(
        EnvironmentName(", ".join(names)),
        [planned.old, planned.new],
        settings,
        occasion,
        f"rename {planned.old} to {planned.new}",
        "\n".join(names) if len(names) > 1 else "",
        where=names[0] if len(names) == 1 else plural(len(names), "environment"),
    )
    return proposal._replace(moves=tuple(moves))
