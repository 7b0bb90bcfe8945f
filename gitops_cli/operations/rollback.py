"""Go back: a new commit with versions from an environment's own past."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Occasion, Verb, proposal_of, version_edits
from gitops_cli.domain.change.intent import Intent, settle
from gitops_cli.domain.change.plan import Change, plan_changes
from gitops_cli.domain.change.policy import enforce, locked
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.locks import LOCK_SUFFIX, Lock
from gitops_cli.operations.lock import lock_edit
from gitops_cli.operations.promote import moved
from gitops_cli.operations.rollback_target import Back, wanted_versions
from gitops_cli.operations.terms import Terms
from gitops_cli.operations.unreadable import spoiled_contents

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class Rollback(NamedTuple):
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
    wanted, kinds, notes = wanted_versions(snapshot, here, services, back, state)
    current = {service: v for service, v in here.versions.items() if service in wanted}
    desired = {service: v for service, v in wanted.items() if v is not None}
    plan = plan_changes(environment, desired=desired, current=current)
    changing = {change.service for change in plan.changes}
    unchanged = tuple(Change(s, v, v) for s, v in sorted(wanted.items()) if s not in changing)
    held = tuple(sorted(wanted)) if hold else ()
    return Rollback(environment, Intent(plan, kinds), unchanged, held, notes)


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
    team = snapshot.team
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
