"""Lock and unlock the recorded version of services, or of a whole environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import LockDraft, Occasion, Verb, commit_of
from gitops_cli.domain.change.intent import spoiled
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import LOCK_SUFFIX
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.newcomers import need_known
from gitops_cli.domain.recorded.resolution import environment_for
from gitops_cli.domain.recorded.stages import Ambiguous
from gitops_cli.domain.text import one_line

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class LockOrder(NamedTuple):
    """What to lock or unlock where. No services: the whole environment."""

    environment: str
    services: tuple[ServiceName, ...]
    project: str | None = None
    usual_project: str | None = None
    reason: str | None = None
    until: datetime | None = None
    run: str | None = None


def draft_lock(
    snapshot: Snapshot,
    order: LockOrder,
    *,
    state: StateRepository,
    now: datetime,
    by: str | None,
) -> LockDraft:
    """Return the lock files to write. A lock that says the same already is left as it is."""
    here = _environment(snapshot, order)
    for service in order.services:
        here.file(service)
    wanted = [
        Lock(_path(here, service), service, by=by, at=now, until=order.until, reason=order.reason)
        for service in _targets(order)
    ]
    new = [lock for lock in wanted if not _says_the_same(here.locks.get(lock.service), lock, now)]
    edits = lock_edits(state, snapshot, here, new)
    held = [here.locks[lock.service] for lock in new if lock.service in here.locks]
    draft = _draft(Verb.LOCK, snapshot, here, new, edits, order)
    return draft._replace(replaced=tuple(lock for lock in held if lock.holds(now)))


def draft_unlock(
    snapshot: Snapshot, order: LockOrder, *, state: StateRepository, now: datetime
) -> LockDraft:
    """Return the lock files to remove; without services the environment's own one."""
    here = _environment(snapshot, order)
    found = [here.locks[service] for service in _targets(order) if service in here.locks]
    edits = _removals(state, snapshot, here, found)
    for service in order.services:
        if service not in here.locks and spoiled(here, service) is None:
            here.file(service)
    draft = _draft(Verb.UNLOCK, snapshot, here, found, edits, order)
    whole = here.locks.get(None)
    stays = whole is not None and whole.holds(now) and order.services
    return draft._replace(held_by=whole if stays else None)


def lock_edits(
    state: StateRepository, snapshot: Snapshot, here: Environment, locks: Collection[Lock]
) -> tuple[Edit, ...]:
    """Return the edits that write locks, over whatever stands there."""
    before = _before(state, snapshot, here, locks)
    return tuple(Edit(lock.path, before.get(lock.path), lock.text().encode()) for lock in locks)


def _removals(
    state: StateRepository, snapshot: Snapshot, here: Environment, locks: Collection[Lock]
) -> tuple[Edit, ...]:
    before = _before(state, snapshot, here, locks)
    return tuple(Edit(lock.path, before.get(lock.path), None) for lock in locks)


def _before(
    state: StateRepository, snapshot: Snapshot, here: Environment, locks: Collection[Lock]
) -> Mapping[str, bytes]:
    """Return the files among which these locks are, if any of them is there already."""
    if not any(lock.service in here.locks for lock in locks):
        return {}
    return state.contents(snapshot.commit, f"{here.name}/")


def _environment(snapshot: Snapshot, order: LockOrder) -> Environment:
    try:
        name = environment_for(
            order.environment,
            snapshot,
            project=order.project,
            services=order.services,
            usual_project=order.usual_project,
        )
    except Ambiguous:
        need_known(order.services, snapshot)
        raise
    return snapshot.environment(name)


def _targets(order: LockOrder) -> Sequence[ServiceName | None]:
    return order.services or (None,)


def _path(here: Environment, service: ServiceName | None) -> str:
    return f"{here.name}/{service or ''}{LOCK_SUFFIX}"


def _says_the_same(existing: Lock | None, lock: Lock, now: datetime) -> bool:
    return (
        existing is not None
        and existing.problem is None
        and existing.holds(now)
        and (existing.reason, existing.until) == (lock.reason, lock.until)
    )


def _draft(
    verb: Verb,
    snapshot: Snapshot,
    here: Environment,
    locks: Collection[Lock],
    edits: tuple[Edit, ...],
    order: LockOrder,
) -> LockDraft:
    names = [lock.service for lock in locks if lock.service is not None]
    why = f": {one_line(order.reason)}" if order.reason else ""
    what = f"{verb} {', '.join(names) or 'the environment'}{why}"
    occasion = Occasion(verb, order.reason, order.run, rules=snapshot.team.commit)
    return LockDraft(
        verb,
        here.name,
        tuple(locks),
        commit_of(here.name, names, edits, occasion, what),
    )
