"""Go back: a new commit with versions from an environment's own past."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import Intent
from gitops_cli.domain.change.plan import Change, plan_changes
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.errors import SourceMoved
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import LOCK_SUFFIX
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.operations.lock import lock_edits
from gitops_cli.operations.rollback_target import Back, RollbackTarget, wanted_versions
from gitops_cli.operations.writing import Terms, Wanted, draft_versions

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.operations.manifest_rollback import TakenBack
    from gitops_cli.state.repository import StateRepository


class Rollback(NamedTuple):
    """A way back as it is shown. `hold` names the services that will be locked.

    `manifests`: what of these is taken back, too.
    """

    environment: EnvironmentName
    intent: Intent
    unchanged: tuple[Change, ...]
    hold: tuple[ServiceName, ...] = ()
    notes: tuple[str, ...] = ()
    manifests: ManifestsPart | None = None


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
    past = wanted_versions(snapshot, here, services, back, state)
    wanted, kinds, notes = past.versions, past.kinds, past.notes
    current = {service: v for service, v in here.versions.items() if service in wanted}
    desired = {service: v for service, v in wanted.items() if v is not None}
    plan = plan_changes(environment, desired=desired, current=current)
    changing = {change.service for change in plan.changes}
    unchanged = tuple(Change(s, v, v) for s, v in sorted(wanted.items()) if s not in changing)
    held = tuple(sorted(wanted)) if hold else ()
    taken = _manifests(state, snapshot, here, past, exactly=back.commit is not None)
    notes = (*notes, *taken.notes)
    return Rollback(environment, Intent(plan, kinds), unchanged, held, notes, taken.part)


def _manifests(
    state: StateRepository,
    snapshot: Snapshot,
    here: Environment,
    past: RollbackTarget,
    *,
    exactly: bool,
) -> TakenBack:
    """Return what becomes of manifests where all of an environment goes back.

    `exactly`: raises SourceMoved where what the commit did to them cannot be taken back any more.
    """
    from gitops_cli.operations.manifest_rollback import (  # who goes back is few, and has time
        TakenBack,
        manifests_as_of,
        undone_manifests,
    )

    if past.as_of is not None:
        return manifests_as_of(state, snapshot, here, past.as_of)
    if past.undoes is None:
        return TakenBack()
    try:
        return undone_manifests(state, snapshot, here, past.undoes)
    except SourceMoved as error:
        if exactly:
            raise
        return TakenBack(notes=(f"its manifests stay as they are: {error.message}",))


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
    here = snapshot.environment(planned.environment)
    holds = _holds(snapshot, here, planned, terms, state, now, by)
    wanted = Wanted(
        Verb.ROLLBACK,
        planned.intent,
        planned.unchanged,
        locks=holds,
        manifests=planned.manifests,
    )
    draft = draft_versions(snapshot, wanted, terms, state=state, now=now)
    return draft._replace(warnings=planned.notes)


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
    locks = {
        service: Lock(f"{here.name}/{service}{LOCK_SUFFIX}", service, by=by, at=now, reason=reason)
        for service in planned.hold
        if (existing := here.locks.get(service)) is None or not existing.holds(now)
    }
    edits = lock_edits(state, snapshot, here, tuple(locks.values()))
    return dict(zip(locks, edits, strict=True))
