"""Which versions of an environment's own past are meant."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.intent import version_path
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, is_service_name
from gitops_cli.domain.past.steps import (
    Undoing,
    VersionStep,
    newest_commits,
    standing,
    steps,
    version_before,
    version_like,
    versions_before,
)
from gitops_cli.domain.recorded.environment import (
    KIND_OF_SUFFIX,
    Environment,
    Kind,
    Snapshot,
    service_at,
)
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import SHORT, Version
from gitops_cli.operations.rollback_commit import environment_then, undone

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

_OFFERED = 15  # commits to choose from


@dataclass(frozen=True, slots=True)
class Back:
    """Which past is meant: exactly one of these, or none for the version before."""

    count: int = 1
    to: str | None = None
    at: datetime | None = None
    commit: str | None = None


class RollbackTarget(NamedTuple):
    """The versions to go back to (None: not recorded then), kinds, and what to note.

    With all of an environment either `undoes` or `as_of`: the one commit that is taken back, or
    the one that it becomes again.
    """

    versions: dict[ServiceName, Version | None]
    kinds: dict[ServiceName, Kind]
    notes: tuple[str, ...] = ()
    undoes: str | None = None
    as_of: str | None = None


def wanted_versions(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    back: Back,
    state: StateRepository,
) -> RollbackTarget:
    """Return the versions to go back to; without services, of the whole environment.

    Raises UsageError, UnknownService, SourceMoved.
    """
    if back.commit is not None:
        commit = state.resolve(back.commit)
        found = undone(here, services, commit, snapshot, state)
        return RollbackTarget(*found, undoes=None if services else commit)
    if back.at is not None:
        return _as_at(snapshot, here, services, back.at, state)
    if back.to is not None:
        return _as_named(snapshot, here, services, back.to, state)
    return _before(snapshot, here, services, back.count, state)


def _before(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    count: int,
    state: StateRepository,
) -> RollbackTarget:
    if not services:
        kinds = _all_kinds(state, snapshot, here)
        pasts = {s: standing(past(state, snapshot, here, s, kind)) for s, kind in kinds.items()}
        last = newest_commits(pasts, count, _branch(state, snapshot))
        found = versions_before(last)
        if not found:
            raise UsageError(
                f"{here.name} has nothing to go back to: its last change only added services",
                hint=f"`gitops history -e {here.name}`, then --commit SHA takes out what it added",
            )
        return RollbackTarget({**found}, kinds, undoes=last[0].commit.hash if count == 1 else None)
    wanted: dict[ServiceName, Version | None] = {}
    kinds = {}
    for service in services:
        kinds[service] = _kind(state, snapshot, here, service)
        version = version_before(
            standing(past(state, snapshot, here, service, kinds[service])), count
        )
        if version is None:
            many = "no earlier version" if count == 1 else f"no version {count} steps back"
            raise UsageError(
                f"{service} in {here.name} has {many}",
                hint=f"`gitops history {service} -e {here.name}` shows its past",
            )
        wanted[service] = version
    return RollbackTarget(wanted, kinds)


def _as_named(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    text: str,
    state: StateRepository,
) -> RollbackTarget:
    """Return the past that a hash names: a version of the services, else a state commit."""
    wanted: dict[ServiceName, Version | None] = {}
    missing: list[ServiceName] = []
    kinds: dict[ServiceName, Kind] = {}
    for service in services or sorted(here.files):
        kinds[service] = _kind(state, snapshot, here, service)
        steps_back = past(state, snapshot, here, service, kinds[service])
        version = version_like(steps_back, text, service=service, environment=here.name)
        if version is None:
            missing.append(service)
        else:
            wanted[service] = version
    if wanted and (not services or not missing):
        return RollbackTarget(wanted, kinds)
    try:
        commit = state.resolve(text)
    except UsageError as error:
        raise UsageError(
            f"`{one_line(text)}` was never recorded for {', '.join(missing)} in {here.name}, "
            "and is no state commit and no time such as 3h or 2026-11-22T18:00",
            hint=f"`gitops history -e {here.name}` shows the past; `gitops set` records any hash",
        ) from error
    return _as_of(snapshot, here, services, commit, f"at {commit[:SHORT]}", state)


def _as_at(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    at: datetime,
    state: StateRepository,
) -> RollbackTarget:
    when = f"at {at.isoformat(timespec='minutes')}"
    commit = state.past.commit_at(at, start=snapshot.commit) if snapshot.commit else None
    if commit is None:
        raise UsageError(f"there was no {here.name} {when}")
    return _as_of(snapshot, here, services, commit, when, state)


def _as_of(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    commit: str,
    when: str,
    state: StateRepository,
) -> RollbackTarget:
    """Return the versions of another commit by today's names; what was added since is left alone.

    A service is what had its name then; else what it was renamed from since. Raises UsageError.
    """
    then = state.snapshot(commit)

    def called(path: str) -> str:
        return state.past.name_at(path, start=str(snapshot.commit), commit=commit)

    old = environment_then(here, then, called)
    if old is None:
        raise UsageError(
            f"there was no {here.name} {when}",
            hint=f"`gitops history -e {here.name}` shows its past",
        )
    gone = old.files.keys() - here.files.keys()
    added = here.files.keys() - old.files.keys()
    names: dict[ServiceName, ServiceName] = {}  # of a service today → then
    for service in sorted(added) if gone else [s for s in services if s in added]:
        directory, _, leaf = called(here.files[service].path).rpartition("/")
        before = service_at(leaf) if directory == old.name else None
        is_usable = before in (old.files if service in services else gone)
        if before is not None and is_usable:
            names[service] = before
    now = {before: service for service, before in names.items()}
    for service in services:
        if service in now and service not in here.files:
            raise UsageError(
                f"{service} is called {now[service]} in {here.name} now",
                hint=f"`gitops rollback {now[service]} -e {here.name}`, with the same --to",
            )
    wanted: dict[ServiceName, Version | None] = {}
    kinds: dict[ServiceName, Kind] = {}
    for service in services or sorted({now.get(s, s) for s in old.files}):
        file = old.file(names.get(service, service))
        wanted[service], kinds[service] = file.version, file.kind
    left = [] if services else sorted(added - names.keys())
    notes = (f"added since then, and left alone: {', '.join(left)}",) if left else ()
    return RollbackTarget(wanted, kinds, notes, as_of=None if services else commit)


def past(
    state: StateRepository,
    snapshot: Snapshot,
    here: Environment,
    service: ServiceName,
    kind: Kind,
) -> Iterator[VersionStep]:
    """Yield what was recorded for a service, newest first."""
    path = version_path(here, service, kind)
    if snapshot.commit is None:
        return iter(())
    return steps(state.past.file_history(path, start=snapshot.commit))


def _kind(
    state: StateRepository, snapshot: Snapshot, here: Environment, service: ServiceName
) -> Kind:
    """Return the service's kind of workload, or what it was before it was removed.

    Raises UnknownService for one that never was there.
    """
    if service not in here.files and snapshot.commit is not None and is_service_name(service):
        for kind in Kind:
            path = version_path(here, service, kind)
            if any(True for _ in state.past.file_history(path, start=snapshot.commit, limit=1)):
                return kind
    return here.file(service).kind


def _all_kinds(
    state: StateRepository, snapshot: Snapshot, here: Environment
) -> dict[ServiceName, Kind]:
    """Return the kinds of all services the environment has or had, readable or not."""
    found = {service: file.kind for service, file in here.files.items()}
    gone = state.past.removed_files(tip=snapshot.commit) if snapshot.commit is not None else {}
    unreadable = (finding.path for finding in here.findings)
    for path in (*unreadable, *gone):
        service = service_at(path) if path.rpartition("/")[0] == here.name else None
        if service is None or service in found:
            continue
        if path not in gone or not state.past.is_renamed(path, gone[path]):
            found[service] = KIND_OF_SUFFIX[path[path.rindex(".") :]]
    return found


def last_commits(
    snapshot: Snapshot,
    environment: EnvironmentName,
    *,
    state: StateRepository,
) -> list[Undoing]:
    """Return the last commits that recorded versions in the environment, or changed its manifests,
    newest first.
    """
    here = snapshot.environment(environment)
    kinds = _all_kinds(state, snapshot, here)
    pasts: dict[ServiceName | None, Iterator[VersionStep]] = {
        service: past(state, snapshot, here, service, kinds[service]) for service in kinds
    }
    if here.has_manifests and snapshot.commit is not None:
        changes = state.past.place_history(f"{environment}/{MANIFESTS}", start=snapshot.commit)
        pasts[None] = (VersionStep(each.commit, None, None, is_rollback=False) for each in changes)
    return newest_commits(pasts, _OFFERED, _branch(state, snapshot))


def _branch(state: StateRepository, snapshot: Snapshot) -> Iterator[str]:
    return iter(()) if snapshot.commit is None else state.past.branch_commits(snapshot.commit)
