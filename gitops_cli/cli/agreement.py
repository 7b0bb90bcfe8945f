"""Show a plan, have it agreed to, write exactly that: what promote and rollback have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gitops_cli.cli.consent import consent, is_protected, needed_reason
from gitops_cli.cli.report import note_troubles, report, show_plan
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import Draft, Review, WriteOutcome
from gitops_cli.domain.errors import SourceMoved
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.promote import changelogs
from gitops_cli.operations.terms import Terms, agreed_to
from gitops_cli.operations.writing import write_draft


class Offer(NamedTuple):
    """A plan that may be written.

    `compute` holds it against a tip; `anew` makes the same plan of another tip, for showing it
    where this one can no longer be written.
    """

    draft: Draft
    compute: Callable[[Snapshot, Terms], Draft]
    anew: Callable[[Snapshot], Draft]
    question: str
    review: Review | None = None


def carry_out(
    session: Session,
    offer: Offer,
    terms: Terms,
    team: TeamSettings,
    *,
    dry_run: bool,
    yes: bool,
    timeout: float | None,
) -> WriteOutcome:
    """Show the offer, ask, write and report; nothing is asked where nothing would be written.

    Raises Declined, Interrupted, UsageError, SourceMoved after showing the new plan, and whatever
    refuses a write.
    """
    draft, environment = offer.draft, offer.draft.environment
    sources = session.sources(team)
    logs = changelogs(draft.changes, sources)
    note_troubles(session, sources)
    if dry_run or not draft.proposal.edits:
        outcome = WriteOutcome(draft, dry_run=dry_run, review=offer.review)
        report(session, outcome, logs, planned=False, shown=not draft.changes)
        return outcome
    shown = show_plan(session, WriteOutcome(draft), logs)
    consent(environment, team, question=offer.question, yes=yes, confirmed=terms.confirmed)
    agreed = terms._replace(reason=needed_reason(environment, team, terms.reason))
    if is_protected(environment, team):
        agreed = agreed._replace(confirmed=environment)
    _remember(session, agreed)
    try:
        draft, written = write_draft(
            session.state,
            lambda snapshot: agreed_to(offer.compute(snapshot, agreed), snapshot, agreed),
            actor=session.actor,
            timeout=timeout,
            branch=offer.review.branch if offer.review else None,
        )
    except SourceMoved:
        _show_anew(session, offer)
        raise
    outcome = WriteOutcome(draft, written, review=offer.review)
    report(session, outcome, logs, shown=shown)
    return outcome


def _remember(session: Session, agreed: Terms) -> None:
    """Complete the answers with what was agreed to, if there are others to be repeated."""
    options = session.answers.options
    if not options:
        return
    if agreed.confirmed is None:
        options["--yes"] = ""
        return
    options["--confirm"] = agreed.confirmed
    options["--message"] = agreed.reason or ""


def foresee(
    session: Session, environment: EnvironmentName, team: TeamSettings, *, context: str | None
) -> None:
    """Raise WrongCluster before anything is written that could not be waited for there."""
    from gitops_cli.cli.look import clusters_of  # who does not wait need not load it

    clusters_of(session, context, None, warm=False).check(environment, team)


def follow(
    session: Session,
    outcome: WriteOutcome,
    timeout: float | None,
    *,
    context: str | None,
    kubeconfig: Path | None,
) -> None:
    """Wait until the cluster has what was agreed to, be it new or recorded already."""
    if outcome.dry_run:
        return
    if outcome.review is not None:
        session.output.note("not waiting: the promotion has to be merged first")
        return
    from gitops_cli.cli.arrival import wait_for_arrival  # who does not wait need not load it

    draft, written = outcome.draft, outcome.written
    services = [change.service for change in (*draft.changes, *draft.unchanged)]
    commit = written.commit if written is not None else None
    wait_for_arrival(
        session,
        draft.environment,
        services,
        commit,
        timeout=timeout,
        context=context,
        kubeconfig=kubeconfig,
    )


def _show_anew(session: Session, offer: Offer) -> None:
    """Show what the same plan would be now; the refusal itself follows."""
    snapshot = session.state.snapshot(session.state.tip().commit)
    draft = offer.anew(snapshot)
    sources = session.sources(snapshot.team)
    show_plan(session, WriteOutcome(draft), changelogs(draft.changes, sources))
