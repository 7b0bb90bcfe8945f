"""The one way of all writers: offer a plan, ask, write exactly that, tell what became of it.

`promote` and `rollback` show a plan and ask (`carry_out`). The others act at once, and ask only
what turns out to be open while they write (`answering`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitops_cli.cli.prompts import ask_text, confirm, confirm_by_name, may_ask
from gitops_cli.cli.resolve import choose_environment, environment_named
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.change.policy import Override, Unconfirmed
from gitops_cli.domain.errors import SourceMoved, StaleBuild, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.newcomers import NewService
from gitops_cli.domain.recorded.stages import Ambiguous, place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.domain.values import NamedTuple
from gitops_cli.operations.writing import Terms, write_draft
from gitops_cli.render.change import Changelogs, both_views, plan_view, result_view

if TYPE_CHECKING:
    from gitops_cli.domain.change.gates import Report
    from gitops_cli.domain.change.proposal import Proposal, Written
    from gitops_cli.domain.change.request import ReviewBranch
    from gitops_cli.domain.change.several import Drafts
    from gitops_cli.operations.gates import CheckCase, Checking
    from gitops_cli.operations.set import Order
    from gitops_cli.render.view import View

T = TypeVar("T")


class Drafted(Protocol):
    """What is written, of versions or of what moves names."""

    @property
    def proposal(self) -> Proposal: ...


D = TypeVar("D", bound=Drafted)


class Offer(NamedTuple):
    """A plan that may be written, of one environment or several.

    `compute` holds it against a tip; `anew` makes the same plan of another tip, for showing it
    where this one can no longer be written. `may_go_back`: to older versions, without a word.
    """

    draft: Draft | Drafts
    compute: Callable[[Snapshot, Terms], Draft | Drafts]
    anew: Callable[[Snapshot], Draft | Drafts]
    question: str
    review: ReviewBranch | None = None
    may_go_back: bool = False


def terms_of(
    session: Session,
    reason: str | None,
    *,
    overrides: Iterable[Override] = (),
    confirmed: str | None = None,
) -> Terms:
    """Return the terms that the command line and the CI run say."""
    run = session.ci.url if session.ci else None
    return Terms(
        frozenset(overrides),
        reason,
        run,
        confirmed,
        writer=session.writer,
        checking=_checking(session),
        vouched=session.vouched,
    )


def _checking(session: Session) -> Checking:
    """Return what asks the checks of gitops.toml, each thing once; loaded where there are some."""
    asking: list[Checking] = []

    def ask(case: CheckCase) -> Sequence[Report]:
        if not asking:
            from gitops_cli.cli.checking import checking_of

            asking.append(checking_of(session))
        return asking[0](case)

    return ask


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
    """Show the offer, ask, write and tell; nothing is asked where nothing would be written.

    Raises Declined, Interrupted, UsageError, SourceMoved after showing the new plan, and whatever
    refuses a write.
    """
    draft = offer.draft
    logs = _logs_of(session, draft, team)
    if dry_run or not draft.proposal.edits:
        outcome = WriteOutcome(draft, dry_run=dry_run, review=offer.review)
        tell(session, outcome, logs, planned=False, shown=not draft.writes)
        return outcome
    shown = show_plan(session, WriteOutcome(draft), logs)
    back = {} if offer.may_go_back else _going_back(draft, logs)
    if back and yes:
        raise _older(back)
    older = ", ".join(dict.fromkeys(service for names in back.values() for service in names))
    question = f"{offer.question[:-1]}, {older} to an OLDER one?" if back else offer.question
    environments = [part.environment for part in draft.parts]
    stage = None if isinstance(draft, Draft) else draft.stage
    said = agreed(environments, team, terms, question=question, yes=yes, stage=stage)
    _remember(session, said)
    try:
        draft, written = write_draft(
            session.state,
            asked_of(session, lambda snapshot: offer.compute(snapshot, said), written_view),
            actor=session.actor,
            timeout=timeout,
            branch=offer.review.branch if offer.review else None,
        )
    except SourceMoved:
        _show_anew(session, offer)
        raise
    outcome = WriteOutcome(draft, written, review=offer.review)
    outcome = requested(session, outcome, logs)
    tell(session, outcome, logs, shown=shown)
    return outcome


def _logs_of(
    session: Session, draft: Draft | Drafts, team: TeamSettings, *, told: bool = False
) -> Changelogs:
    """Return what lies between the versions; says what cannot be known, unless that is `told`."""
    from gitops_cli.operations.promote import changelogs  # who shows no plan needs it not

    sources = session.sources(team)
    logs = changelogs(draft.changes, sources)
    if not told:
        session.note_troubles(sources)
    return logs


def requested(
    session: Session, outcome: WriteOutcome, logs: Changelogs | None = None
) -> WriteOutcome:
    """Return the outcome with its request, if it waits on a branch; else the same."""
    if outcome.review is None:
        return outcome
    from gitops_cli.cli.proposing import with_request  # who writes at once needs it not

    return with_request(session, outcome, logs)


def asked_of(
    session: Session, compute: Callable[[Snapshot], D], told: Callable[[D, Written], View]
) -> Callable[[Snapshot], D]:
    """Return the same, refused where --query cannot take what would be `told` of a draft.

    Afterwards it would be too late: something is written, and the exit code says that it failed.
    """
    if session.output.query is None:
        return compute
    from gitops_cli.domain.change import proposal  # where a query asks of it

    def checked(snapshot: Snapshot) -> D:
        draft = compute(snapshot)
        written = proposal.Written("0" * 40, True, "0" * 40, draft.proposal, 1)
        session.output.need_fit(told(draft, written))
        return draft

    return checked


def written_view(draft: Draft | Drafts, written: Written) -> View:
    """Return what is told of a draft of versions once it is written."""
    return result_view(WriteOutcome(draft, written))


def _going_back(
    draft: Draft | Drafts, logs: Changelogs
) -> dict[EnvironmentName, list[ServiceName]]:
    """Return the services that would get a version which the recorded one contains."""
    from gitops_cli.domain.past.ancestry import Relation  # who shows changes has loaded it

    found: dict[EnvironmentName, list[ServiceName]] = {}
    for part in draft.parts:
        for change in part.changes:
            if change in logs and logs[change].distance.relation is Relation.BEHIND:
                found.setdefault(part.environment, []).append(change.service)
    return found


def _older(back: Mapping[EnvironmentName, Sequence[ServiceName]]) -> StaleBuild:
    said = "; ".join(
        f"{', '.join(services)} would go back to an older version in {environment}"
        for environment, services in back.items()
    )
    environment, services = next(iter(back.items()))
    return StaleBuild(
        f"{said}, and nobody said so",
        hint=f"leave it out: --exclude {services[0]}; or --allow-older; to go back on purpose: "
        f"gitops rollback {' '.join(services)} -e {environment}",
    )


def ask_to_overwrite(session: Session, draft: Draft, team: TeamSettings) -> None:
    """Show what would replace recorded versions, older ones marked, and ask; without any, nothing.

    Raises Declined, Interrupted, or UsageError without a terminal.
    """
    replaced = [change for change in draft.changes if change.current is not None]
    if not replaced:
        return
    logs = _logs_of(session, draft, team)
    show_plan(session, WriteOutcome(draft), logs)
    back = _going_back(draft, logs).get(draft.environment)
    older = f", {', '.join(back)} by an OLDER one" if back else ""
    what = plural(len(replaced), "recorded version")
    confirm(f"Replace {what} in {draft.environment}{older}?")


def agreed(
    environments: Sequence[EnvironmentName],
    team: TeamSettings,
    terms: Terms,
    *,
    question: str,
    yes: bool,
    by_name: bool = False,
    stage: str | None = None,
) -> Terms:
    """Return the terms as a person agreed to them; raises Declined, Interrupted or UsageError.

    A protected stage is not agreed to by --yes, but by its environment's name, with a reason.
    `by_name`: so are the others, for what nobody should do by the way. `stage`: all are of it, and
    its name stands for theirs.
    """
    named: Sequence[str] = [] if terms.confirmed is None else terms.confirmed.split(",")
    if stage is not None and named == [stage]:
        named = environments
    for name in named:
        if name not in environments:
            raise UsageError(
                f"--confirm {name} is not what would be changed: {', '.join(environments)}",
                hint=f"--confirm {stage or ','.join(environments)}",
            )
    protected = [e for e in environments if team.stage(place_of(e, team).stage).protected]
    if not protected and not by_name:
        if not named and not yes:
            confirm(question)
        return terms
    needed = environments if by_name else protected
    if stage is not None and not named:
        confirm_by_name(f"{stage} is protected.", stage, flag=f"--confirm {stage}")
        named = environments
    for environment in (name for name in needed if name not in named):
        why = f"{environment} is protected." if environment in protected else question
        confirm_by_name(why, environment, flag=f"--confirm {','.join(needed)}")
    reason = _needed_reason(protected[0], terms.reason) if protected else terms.reason
    return terms._replace(reason=reason, confirmed=",".join(needed))


def _needed_reason(environment: str, reason: str | None) -> str:
    if reason and reason.strip():
        return reason
    return ask_text(f"{environment} is protected. Why is this done?", flag='-m "why"')


def answering(
    session: Session, write: Callable[[str, Terms], T], environment: str, terms: Terms
) -> T:
    """Write, and let a terminal answer what turned out to be open: which environment, whether a
    service is meant to be new, and why a protected stage is changed.
    """
    while True:
        try:
            return write(environment, terms)
        except Ambiguous as ambiguous:
            if not may_ask():
                raise
            question = f"Which environment is `{ambiguous.word}`?"
            environment = choose_environment(session, question, ambiguous.fits, flag="--env")
        except NewService as newcomer:
            if not may_ask():
                raise
            session.output.warn(newcomer.message)
            if newcomer.hint:
                session.output.say(newcomer.hint)
            confirm(f"Record {newcomer.service} as new in {newcomer.environment}?", flag="--new")
            session.answers.options["--new"] = ""
            terms = terms._replace(newcomers=(*terms.newcomers, newcomer.service))
        except Unconfirmed as open_question:
            if not may_ask() or terms.confirmed is not None:
                raise
            name = open_question.environment
            reason = _needed_reason(name, terms.reason)
            confirm_by_name(f"{name} is protected.", name)
            terms = terms._replace(reason=reason, confirmed=str(name))


def asked_where(session: Session, order: Order) -> Order:
    """Return the order with its environment, which a person chooses where it has none."""
    if order.environment:
        return order
    where = asked_environment(session, order.project, order.check_names)
    return order._replace(environment=where)


def asked_environment(
    session: Session, project: str | None, check: Callable[[Snapshot], None]
) -> str:
    """Let a person choose an environment; raises UsageError without a terminal.

    `check` raises what makes the question needless.
    """
    snapshot = session.look(require_remote=True).snapshot
    check(snapshot)
    return environment_named(session, None, snapshot, project=project)


def _remember(session: Session, said: Terms) -> None:
    """Complete the answers with what was agreed to, if there are others to be repeated."""
    options = session.answers.options
    if not options:
        return
    if said.confirmed is None:
        options["--yes"] = ""
        return
    options["--confirm"] = said.confirmed
    options["--message"] = said.reason or ""


def tell(
    session: Session,
    outcome: WriteOutcome,
    changelogs: Changelogs | None = None,
    *,
    planned: bool = True,
    shown: bool = True,
) -> None:
    """Show an outcome: warnings and notes on stderr, the result on stdout.

    `planned` is false where its warnings, `shown` is false where its plan were not seen yet.
    """
    if not planned:
        warn_of(session, outcome.draft.warnings)
    note_writing(session, outcome.written, proposed=outcome.review is not None)
    show = session.show if outcome.dry_run else session.report
    both = both_views(outcome, changelogs)
    show(result_view(outcome, changelogs) if shown else both)
    session.publish(both)


def warn_of(session: Session, warnings: Iterable[str]) -> None:
    for warning in warnings:
        session.output.warn(warning)


def note_writing(session: Session, written: Written | None, *, proposed: bool = False) -> None:
    """Say what happened beside the write itself, and tell the team's targets of it.

    `proposed`: it is on a branch, and nothing has happened yet.
    """
    for note in written.notes if written else ():
        session.output.note(note)
    if written is not None and written.changed and not proposed:
        directory = session.machine.notices
        if directory is not None:
            from gitops_cli.cli.noticing import tell_written  # most machines have no targets

            tell_written(session, written, directory)


def show_plan(session: Session, outcome: WriteOutcome, changelogs: Changelogs) -> bool:
    """Show a plan before it is agreed to; tells whether it went to stdout.

    Where stdout takes a document, a person who will be asked sees the plan on stderr.
    """
    warn_of(session, outcome.draft.warnings)
    return show_before(session, plan_view(outcome, changelogs))


def show_before(session: Session, view: View) -> bool:
    """Show what would be written, where somebody reads it; tells whether it went to stdout."""
    if session.output.for_people:
        session.show(view)
        return True
    if may_ask():
        session.output.show_aside(view)
    return False


def _show_anew(session: Session, offer: Offer) -> None:
    """Show what the same plan would be now; the refusal itself follows."""
    snapshot = session.look(require_remote=True).snapshot
    draft = offer.anew(snapshot)
    show_plan(session, WriteOutcome(draft), _logs_of(session, draft, snapshot.team, told=True))
