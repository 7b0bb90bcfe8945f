"""Go back: a new commit with versions from an environment's own past."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from gitops_cli.domain.drafting import Draft, Occasion, Verb, proposal_of, version_edits
from gitops_cli.domain.errors import SourceMoved, UsageError
from gitops_cli.domain.intent import Intent, settle
from gitops_cli.domain.locks import LOCK_SUFFIX, Lock
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.plan import Change, plan_changes
from gitops_cli.domain.policy import enforce, locked
from gitops_cli.domain.proposal import Edit
from gitops_cli.domain.repository import KIND_OF_SUFFIX, Environment, Kind, Snapshot
from gitops_cli.domain.text import one_line
from gitops_cli.domain.undo import (
    Step,
    Undoing,
    newest_commits,
    standing,
    steps,
    version_before,
    version_like,
    versions_before,
)
from gitops_cli.domain.version import Version
from gitops_cli.operations.lock import lock_edit
from gitops_cli.operations.promote import moved
from gitops_cli.operations.spoiled import spoiled_contents
from gitops_cli.operations.terms import Terms
from gitops_cli.settings import parse_team

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

OFFERED = 15  # commits to choose from


@dataclass(frozen=True, slots=True)
class Back:
    """Which past is meant: exactly one of these, or none for the version before."""

    count: int = 1
    to: str | None = None
    at: datetime | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Rollback:
    """A way back as it is shown. `hold` names the services that will be locked."""

    environment: EnvironmentName
    intent: Intent
    unchanged: tuple[Change, ...]
    hold: tuple[ServiceName, ...] = ()
    notes: tuple[str, ...] = ()


def plan_rollback(
    snapshot: Snapshot,
    environment: EnvironmentName,
    services: Collection[ServiceName],
    back: Back,
    *,
    state: StateRepository,
    hold: bool = False,
) -> Rollback:
    """Return what going back changes. No services: the whole environment.

    Raises UsageError or UnknownService where there is nothing to go back to.
    """
    here = snapshot.environment(environment)
    wanted, kinds, notes = _wanted(snapshot, here, services, back, state)
    current = {service: v for service, v in here.versions.items() if service in wanted}
    desired = {service: v for service, v in wanted.items() if v is not None}
    plan = plan_changes(environment, desired=desired, current=current)
    changing = {change.service for change in plan.changes}
    unchanged = tuple(Change(s, v, v) for s, v in sorted(wanted.items()) if s not in changing)
    held = tuple(sorted(wanted)) if hold else ()
    return Rollback(environment, Intent(plan, kinds), unchanged, held, notes)


Wanted = tuple[dict[ServiceName, Version | None], dict[ServiceName, Kind], tuple[str, ...]]


def _wanted(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    back: Back,
    state: StateRepository,
) -> Wanted:
    if back.commit is not None:
        return _undone(here, services, back.commit, snapshot, state)
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
) -> Wanted:
    if not services:
        pasts = {s: standing(past(state, snapshot, here, s)) for s in here.files}
        found = versions_before(pasts, count)
        if not found:
            raise UsageError(
                f"{here.name} has nothing to go back to: its last change only added services",
                hint=f"`gitops history -e {here.name}`, then --commit SHA takes out what it added",
            )
        return {**found}, {}, ()
    wanted: dict[ServiceName, Version | None] = {}
    for service in services:
        version = version_before(standing(past(state, snapshot, here, service)), count)
        if version is None:
            many = "no earlier version" if count == 1 else f"no version {count} steps back"
            raise UsageError(
                f"{service} in {here.name} has {many}",
                hint=f"`gitops history {service} -e {here.name}` shows its past",
            )
        wanted[service] = version
    return wanted, {}, ()


def _as_named(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    text: str,
    state: StateRepository,
) -> Wanted:
    """Return the past that a hash names: a version of the services, else a state commit."""
    wanted: dict[ServiceName, Version | None] = {}
    missing: list[ServiceName] = []
    for service in services or sorted(here.files):
        version = version_like(
            past(state, snapshot, here, service), text, service=service, environment=here.name
        )
        if version is None:
            missing.append(service)
        else:
            wanted[service] = version
    if wanted and (not services or not missing):
        return wanted, {}, ()
    try:
        commit = state.resolve(text)
    except UsageError as error:
        raise UsageError(
            f"`{one_line(text)}` was never recorded for {', '.join(missing)} in {here.name}, "
            "and is no state commit",
            hint=f"`gitops history -e {here.name}` shows the past; `gitops set` records any hash",
        ) from error
    return _as_of(here, services, state.snapshot(commit))


def _as_at(
    snapshot: Snapshot,
    here: Environment,
    services: Collection[ServiceName],
    at: datetime,
    state: StateRepository,
) -> Wanted:
    commit = state.commit_at(at, start=snapshot.commit) if snapshot.commit else None
    if commit is None:
        raise UsageError(f"there was no {here.name} at {at.isoformat(timespec='minutes')}")
    return _as_of(here, services, state.snapshot(commit))


def _as_of(here: Environment, services: Collection[ServiceName], then: Snapshot) -> Wanted:
    """Return the versions of another commit; services added since are left alone."""
    old = then.environment(here.name)
    wanted: dict[ServiceName, Version | None] = {}
    kinds: dict[ServiceName, Kind] = {}
    for service in services or sorted(old.files):
        file = old.file(service)
        wanted[service], kinds[service] = file.version, file.kind
    added = [] if services else sorted(here.files.keys() - old.files.keys())
    notes = (f"added since then, and left alone: {', '.join(added)}",) if added else ()
    return wanted, kinds, notes


def _undone(
    here: Environment,
    services: Collection[ServiceName],
    commit: str,
    snapshot: Snapshot,
    state: StateRepository,
) -> Wanted:
    """Return the versions before one commit, if they are still the ones it recorded."""
    full = state.resolve(commit)
    done = recorded_by(full, state).get(here.name, {})
    if not done:
        raise UsageError(
            f"{full[:12]} recorded no version in {here.name}",
            hint=f"`gitops history -e {here.name}` shows the commits that did",
        )
    missing = sorted(set(services) - done.keys())
    if missing:
        raise UsageError(f"{full[:12]} did not change {', '.join(missing)} in {here.name}")
    chosen = {s: step for s, step in done.items() if not services or s in services}
    later = [
        f"{service} is {now.short if now else 'absent'}"
        for service, (step, _kind) in sorted(chosen.items())
        if (now := here.versions.get(service)) not in (step.new, step.old)
    ]
    if later:
        raise SourceMoved(
            f"{here.name} has moved on since {full[:12]}: {', '.join(later)}",
            hint="name the services to take back, or use --to",
        )
    kinds = {service: kind for service, (_step, kind) in chosen.items()}
    return {service: step.old for service, (step, _kind) in chosen.items()}, kinds, ()


def recorded_by(
    commit: str, state: StateRepository
) -> dict[EnvironmentName, dict[ServiceName, tuple[Step, Kind]]]:
    """Return which versions a state commit changed, by environment."""
    found: dict[EnvironmentName, dict[ServiceName, tuple[Step, Kind]]] = {}
    for change in state.changes(commit):
        directory, slash, leaf = change.path.rpartition("/")
        stem, dot, ending = leaf.rpartition(".")
        kind = KIND_OF_SUFFIX.get(dot + ending)
        if kind is None or not slash or "/" in directory:
            continue
        for step in steps([change]):
            services = found.setdefault(EnvironmentName(directory), {})
            services[ServiceName(stem)] = (step, kind)
    return found


def past(
    state: StateRepository, snapshot: Snapshot, here: Environment, service: ServiceName
) -> Iterator[Step]:
    """Yield what was recorded for a service, newest first; raises UnknownService."""
    path = here.file(service).path
    if snapshot.commit is None:
        return iter(())
    return steps(state.file_history(path, start=snapshot.commit))


def last_commits(
    snapshot: Snapshot,
    environment: EnvironmentName,
    services: Collection[ServiceName],
    *,
    state: StateRepository,
    limit: int = OFFERED,
) -> list[Undoing]:
    """Return the last commits that recorded versions in the environment, newest first."""
    here = snapshot.environment(environment)
    pasts = {
        service: list(islice(past(state, snapshot, here, service), limit))
        for service in services or here.files
    }
    return newest_commits(pasts, limit)


def draft_rollback(
    snapshot: Snapshot,
    planned: Rollback,
    terms: Terms,
    *,
    state: StateRepository,
    now: datetime,
    by: str | None,
) -> Draft:
    """Return what is left of the plan on this tip; raises Locked and SourceMoved.

    A freeze does not hold a rollback up.
    """
    team = parse_team(snapshot.settings)
    here = snapshot.environment(planned.environment)
    settled = settle(planned.intent.plan, here)
    if settled.moved:
        raise moved(planned.environment, planned.intent.plan, settled.moved)
    services = [change.service for change in settled.write]
    used = enforce(locked(here, services, now), terms.overrides)
    edits = version_edits(
        here,
        settled.write,
        planned.intent.kinds,
        spoiled=spoiled_contents(state, snapshot, here),
    )
    occasion = Occasion(
        Verb.ROLLBACK, terms.reason, terms.run, overrides=used, skip_ci=team.skip_ci
    )
    holds = _holds(snapshot, here, planned, terms, state, now, by)
    files = (*edits, *holds.values())
    proposal = proposal_of(here.name, settled.write, files, occasion, held=sorted(holds))
    return Draft(
        Verb.ROLLBACK,
        here.name,
        settled.write,
        (*planned.unchanged, *settled.done),
        proposal,
        reason=terms.reason,
        overrides=used,
        warnings=planned.notes,
        held=tuple(sorted(holds)),
    )


def _holds(
    snapshot: Snapshot,
    here: Environment,
    planned: Rollback,
    terms: Terms,
    state: StateRepository,
    now: datetime,
    by: str | None,
) -> dict[ServiceName, Edit]:
    """Return the lock files that keep CI from bringing the bad versions straight back."""
    reason = terms.reason or "rolled back"
    edits: dict[ServiceName, Edit] = {}
    for service in planned.hold:
        existing = here.locks.get(service)
        if existing is None or not existing.holds(now):
            path = f"{here.name}/{service}{LOCK_SUFFIX}"
            lock = Lock(path, service, by=by, at=now, reason=reason)
            edits[service] = lock_edit(state, snapshot, lock)
    return edits
