"""`gitops promote`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.consent import consent, is_protected, needed_reason
from gitops_cli.cli.options import (
    Confirm,
    DryRun,
    Exclude,
    Only,
    Pin,
    Project,
    Reason,
    Timeout,
    VerifyImage,
    WaitImage,
    Yes,
)
from gitops_cli.cli.overrides import OverrideFreeze, OverrideLock, OverridePolicy, overrides_of
from gitops_cli.cli.prompts import choose_several, may_ask
from gitops_cli.cli.report import report
from gitops_cli.cli.requirements import requirements
from gitops_cli.cli.resolve import choose_environment, environment_named, service_here
from gitops_cli.cli.session import Session
from gitops_cli.domain.drafting import Draft, Outcome, described
from gitops_cli.domain.errors import SourceMoved, UnknownEnvironment, UsageError
from gitops_cli.domain.intent import selected
from gitops_cli.domain.names import EnvironmentName, ServiceName, parse_service
from gitops_cli.domain.repository import Snapshot
from gitops_cli.domain.resolution import stage_before
from gitops_cli.domain.stages import Ambiguous, in_order, place_of
from gitops_cli.domain.team import Team
from gitops_cli.domain.text import plural
from gitops_cli.operations.images import ImageChecks, ImageGate, as_recorded
from gitops_cli.operations.promote import (
    Promotion,
    changelogs,
    draft_promotion,
    plan_promotion,
    with_images,
)
from gitops_cli.operations.terms import Terms, agreed_to
from gitops_cli.operations.writing import write_draft
from gitops_cli.render.change import plan_view
from gitops_cli.settings import parse_team


@command
def promote(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]…", help="What to promote.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ENV", help="Environment to copy from; default: the stage before."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", metavar="ENV", help="Environment to copy to.")
    ] = None,
    source_alias: Annotated[str | None, typer.Option("--source", hidden=True)] = None,
    target_alias: Annotated[str | None, typer.Option("--target", hidden=True)] = None,
    project: Project = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All services of the source environment.")
    ] = False,
    only: Only = None,
    exclude: Exclude = None,
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    verify_image: VerifyImage = False,
    wait_image: WaitImage = None,
    pin: Pin = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
) -> None:
    """Copy versions from one stage to the next, as one commit.

    Shows what would change, with authors, source commits and a compare link, and asks. What was
    shown is what ships, even if the source environment moves meanwhile. Without arguments a
    terminal is asked for them. Copies versions only: each environment keeps its images_path.
    """
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    words = _Words(
        tuple(parse_service(name) for name in services or ()),
        source or source_alias,
        target or target_alias,
        project,
        everything,
        tuple(only or ()),
        tuple(exclude or ()),
    )
    tip = session.state.tip()
    if tip.note:
        session.output.note(tip.note)
    snapshot = session.state.snapshot(tip.commit)
    team = parse_team(snapshot.settings)
    planned = _planned(session, words, snapshot, team)
    run = session.ci.url if session.ci else None
    terms = Terms(overrides, message, run, confirm)
    requires = requirements(session, team).refusals

    def compute(snapshot: Snapshot, terms: Terms = terms) -> Draft:
        return draft_promotion(
            snapshot, planned, terms, state=session.state, requires=requires, now=session.now()
        )

    checks = ImageChecks(verify_image, wait_image, pin)
    if checks.asked:
        into = snapshot.environment(planned.target)
        planned = with_images(planned, into, as_recorded)
        compute(snapshot)  # its guards refuse before anybody waits for an image
        planned = with_images(planned, into, ImageGate(lambda: session.registries, checks))
    draft = compute(snapshot)
    logs = changelogs(draft.changes, session.sources(team))
    if dry_run or not draft.changes:
        report(session, Outcome(draft, dry_run=dry_run), logs, shown=not draft.changes)
        return
    shown = session.output.for_people
    if shown:
        session.show(plan_view(Outcome(draft), logs))
    question = f"Promote {plural(len(draft.changes), 'service')} to {planned.target}?"
    consent(planned.target, team, question=question, yes=yes, confirmed=confirm)
    reason = needed_reason(planned.target, team, message)
    agreed = replace(
        terms,
        reason=reason,
        confirmed=planned.target if is_protected(planned.target, team) else confirm,
    )
    try:
        draft, written = write_draft(
            session.state,
            lambda snapshot: agreed_to(compute(snapshot, agreed), snapshot, agreed),
            actor=session.actor,
            timeout=timeout,
        )
    except SourceMoved:
        _show_new_plan(session, planned, terms)
        raise
    report(session, Outcome(draft, written), logs, shown=shown)


@dataclass(frozen=True, slots=True)
class _Words:
    """What the command line says; what it leaves open is found or asked."""

    services: tuple[ServiceName, ...]
    source: str | None
    target: str | None
    project: str | None
    everything: bool
    only: tuple[str, ...]
    exclude: tuple[str, ...]

    @property
    def says_which(self) -> bool:
        """Tell whether it is said which services are meant."""
        return bool(self.services or self.everything or self.only or self.exclude)


def _planned(session: Session, words: _Words, snapshot: Snapshot, team: Team) -> Promotion:
    if words.everything and words.services:
        raise UsageError("--all and named services exclude each other")
    if not words.says_which and (here := service_here(session, team, snapshot)) is not None:
        session.output.note(f"{here}: the service of this checkout")
        words = replace(words, services=(here,))
    target = _target(session, words, snapshot, team)
    source = _source(session, words, target, snapshot, team)
    services, chosen = _services(session, words, source, target, snapshot, team)
    if chosen or words.target is None:
        _say_command(session, source, target, services, words)
    return plan_promotion(snapshot, source=source, target=target, services=services)


def _target(session: Session, words: _Words, snapshot: Snapshot, team: Team) -> EnvironmentName:
    project = words.project
    if project is None and words.source in snapshot.environments:
        project = place_of(EnvironmentName(str(words.source)), team).project
    if words.target is not None:
        return environment_named(
            session,
            words.target,
            snapshot,
            team,
            project=project,
            services=words.services,
            flag="--to",
        )
    if not may_ask():
        raise UsageError("promote where to?", hint="pass --to, for example --to prod")
    choices = [
        name
        for name in in_order(snapshot.environments, team)
        if project in (None, place_of(name, team).project)
        and (words.source is not None or _has_stage_before(name, snapshot, team))
    ]
    return choose_environment("Promote to?", choices, flag="--to")


def _has_stage_before(name: EnvironmentName, snapshot: Snapshot, team: Team) -> bool:
    try:
        stage_before(name, snapshot, team)
    except Ambiguous:
        return True
    except UnknownEnvironment:
        return False
    return True


def _source(
    session: Session, words: _Words, target: EnvironmentName, snapshot: Snapshot, team: Team
) -> EnvironmentName:
    if words.source is not None:
        project = words.project or place_of(target, team).project or None
        return environment_named(
            session, words.source, snapshot, team, project=project, flag="--from"
        )
    try:
        return stage_before(target, snapshot, team)
    except Ambiguous as ambiguous:
        if not may_ask():
            raise
        return choose_environment(f"Promote to {target} from?", ambiguous.fits, flag="--from")


def _services(
    session: Session,
    words: _Words,
    source: EnvironmentName,
    target: EnvironmentName,
    snapshot: Snapshot,
    team: Team,
) -> tuple[list[ServiceName], bool]:
    """Return the services to promote, and whether a person chose them just now."""
    environment = snapshot.environment(source)
    if words.says_which:
        if words.everything:
            environment.checked()
        chosen = selected(environment, named=words.services, only=words.only, exclude=words.exclude)
        return chosen, False
    if not may_ask():
        raise UsageError("promote which services?", hint="name them, or pass --all")
    everything = plan_promotion(
        snapshot, source=source, target=target, services=list(environment.files)
    )
    changes = everything.intent.plan.changes
    if not changes:
        return sorted(environment.files), False
    choices = [(str(change.service), described(change)) for change in changes]
    picked = choose_several(f"Promote what from {source} to {target}?", choices, flag="--all")
    return [ServiceName(name) for name in picked], True


def _say_command(
    session: Session,
    source: EnvironmentName,
    target: EnvironmentName,
    services: list[ServiceName],
    words: _Words,
) -> None:
    which = ["--all"] if words.everything else list(services)
    command = ["gitops", "promote", *which, "--from", source, "--to", target]
    session.output.note(f"the same without questions: {shlex.join(command)}")


def _show_new_plan(session: Session, planned: Promotion, terms: Terms) -> None:
    """Show what the same promotion would be now; the refusal itself follows."""
    snapshot = session.state.snapshot(session.state.tip().commit)
    services = sorted({*planned.intent.kinds})
    again = plan_promotion(
        snapshot, source=planned.source, target=planned.target, services=services
    )
    team = parse_team(snapshot.settings)
    requires = requirements(session, team).refusals
    draft = draft_promotion(
        snapshot, again, terms, state=session.state, requires=requires, now=session.now()
    )
    if session.output.for_people:
        session.show(plan_view(Outcome(draft), changelogs(draft.changes, session.sources(team))))
