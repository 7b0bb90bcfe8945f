"""What exactly one state commit recorded, taken back under the names that its files have today."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import SourceMoved, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.steps import steps
from gitops_cli.domain.recorded.environment import (
    IMAGES_PATH,
    KIND_OF_SUFFIX,
    Environment,
    Kind,
    Snapshot,
    service_at,
)
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.recorded.manifests_place import is_own_manifest
from gitops_cli.domain.version import SHORT, Version

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

Called = Callable[[str], str]
"""What a file of today was called then, by its path."""


class RecordedChange(NamedTuple):
    """What a commit did to a service's version; None: it was, or is then, not recorded."""

    old: Version | None
    new: Version | None
    kind: Kind


def recorded_by(
    commit: str, state: StateRepository
) -> dict[EnvironmentName, dict[ServiceName, RecordedChange]]:
    """Return which versions a state commit changed, by environment, by the names of then."""
    found: dict[EnvironmentName, dict[ServiceName, RecordedChange]] = {}
    for change in state.past.changes(commit):
        directory, slash, leaf = change.path.rpartition("/")
        service = service_at(leaf)
        if service is None or not slash or "/" in directory:
            continue
        kind = KIND_OF_SUFFIX[leaf[leaf.rindex(".") :]]
        for step in steps([change]):
            services = found.setdefault(EnvironmentName(directory), {})
            other = services.get(service)  # it became another kind of workload
            old, new = (other.old, other.new) if other else (None, None)
            services[service] = RecordedChange(step.old or old, step.new or new, kind)
    return found


def environments_of(
    commit: str, snapshot: Snapshot, state: StateRepository
) -> list[EnvironmentName]:
    """Return in which environments a state commit recorded versions or changed manifests, by their
    names of today.

    One that is there no more keeps its name.
    """
    places = (change.path.split("/") for change in state.past.changes(commit))
    manifests = (EnvironmentName(p[0]) for p in places if len(p) > 2 and p[1] == MANIFESTS)
    then = dict.fromkeys([*recorded_by(commit, state), *manifests])
    gone = then.keys() - snapshot.environments.keys()
    now: dict[EnvironmentName, EnvironmentName] = {}
    if gone:
        called, old = _called(snapshot, commit, state), state.snapshot(commit)
        for name in snapshot.environments.keys() - then.keys():
            before = environment_then(snapshot.environments[name], old, called)
            if before is not None and before.name in gone:
                now[before.name] = name
    return [now.get(name, name) for name in then]


def environment_then(here: Environment, then: Snapshot, called: Called) -> Environment | None:
    """Return an environment as it was, under the name it had; None where there was none."""
    if here.name in then.environments:
        return then.environments[here.name]
    for path in (f"{here.name}/{IMAGES_PATH}", *sorted(f.path for f in here.files.values())):
        name = EnvironmentName(called(path).partition("/")[0])
        if name in then.environments:
            return then.environments[name]
    return None


def undone(
    here: Environment,
    services: Collection[ServiceName],
    commit: str,
    snapshot: Snapshot,
    state: StateRepository,
) -> tuple[dict[ServiceName, Version | None], dict[ServiceName, Kind]]:
    """Return the versions before one commit, and their kinds, by the services' names of today.

    Raises UsageError, or SourceMoved unless they are still the ones that it recorded.
    """
    full = state.resolve(commit)
    called = _called(snapshot, full, state)
    old = environment_then(here, state.snapshot(full), called)
    done = recorded_by(full, state).get(old.name if old else here.name, {})
    if not done and not services and changes_manifests(full, old or here, state):
        return {}, {}
    if not done:
        raise _nothing(full, here, state)
    _refuse_renaming(old or here, done, full, state)
    names = _names_of_today(here, old or here, done, called)
    for service in services:
        if service in names and service not in here.files:
            raise UsageError(
                f"{service} is called {names[service]} in {here.name} now",
                hint=f"`gitops rollback {names[service]} -e {here.name} --commit {full[:SHORT]}`",
            )
    chosen = {names.get(service, service): step for service, step in done.items()}
    missing = sorted(set(services) - chosen.keys())
    if missing:
        raise UsageError(f"{full[:12]} did not change {', '.join(missing)} in {here.name}")
    chosen = {s: step for s, step in chosen.items() if not services or s in services}
    later = [
        f"{service} is {now.short if now else 'absent'}"
        for service, step in sorted(chosen.items())
        if (now := here.versions.get(service)) not in (step.new, step.old)
    ]
    if later:
        raise SourceMoved(
            f"{here.name} has moved on since {full[:12]}: {', '.join(later)}",
            hint="name the services to take back, or use --to",
        )
    kinds = {service: step.kind for service, step in chosen.items()}
    return {service: step.old for service, step in chosen.items()}, kinds


def changes_manifests(commit: str, there: Environment, state: StateRepository) -> bool:
    """Tell whether a commit changed an environment's own manifests."""
    changed = (change.path for change in state.past.changes(commit))
    return any(is_own_manifest(path, there.name) for path in changed)


def _nothing(commit: str, here: Environment, state: StateRepository) -> UsageError:
    changed = [change.path for change in state.past.changes(commit)]
    shown = f"`gitops history -e {here.name}` shows the commits that did"
    if here.has_manifests and changed:
        shown += f"; what it changed ({changed[0]}) is taken back by: git revert {commit[:SHORT]}"
    message = f"{commit[:12]} recorded no version and changed no manifest in {here.name}"
    return UsageError(message, hint=shown)


def _called(snapshot: Snapshot, commit: str, state: StateRepository) -> Called:
    return lambda path: state.past.name_at(path, start=str(snapshot.commit), commit=commit)


def _names_of_today(
    here: Environment,
    old: Environment,
    done: Mapping[ServiceName, RecordedChange],
    called: Called,
) -> dict[ServiceName, ServiceName]:
    """Return what services that are there no more are called now, as far as they were renamed."""
    lost = done.keys() - here.files.keys()
    names: dict[ServiceName, ServiceName] = {}
    for service in here.files.keys() - done.keys() if lost else ():
        directory, _, leaf = called(here.files[service].path).rpartition("/")
        before = service_at(leaf)
        if before is not None and before in lost and directory == old.name:
            names[before] = service
    return names


def _refuse_renaming(
    old: Environment,
    done: Mapping[ServiceName, RecordedChange],
    commit: str,
    state: StateRepository,
) -> None:
    """Raise UsageError if all that a commit did here was to give the environment its name."""
    if any(step.old is not None for step in done.values()):
        return
    _, *before = islice(state.past.branch_commits(commit), 2)
    for path in (file.path for file in old.files.values() if before):
        name = state.past.name_at(path, start=commit, commit=before[0]).partition("/")[0]
        if name != old.name:
            raise UsageError(
                f"{commit[:12]} renamed {name} to {old.name}: versions alone do not take that back",
                hint=f"git revert {commit[:SHORT]} does",
            )
