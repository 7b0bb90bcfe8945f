"""`gitops rollback`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, NamedTuple

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_commit, complete_service, complete_version
from gitops_cli.cli.following import follow, foreseeing
from gitops_cli.cli.options import (
    Confirm,
    Context,
    DryRun,
    Env,
    Kubeconfig,
    Project,
    Reason,
    ReportFile,
    Sync,
    Timeout,
    Wait,
    Yes,
)
from gitops_cli.cli.overrides import OverrideLock, overrides_of
from gitops_cli.cli.prompts import choose, may_ask
from gitops_cli.cli.proposing import review_on
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.resolve import (
    choose_environment,
    environment_among,
    environment_named,
    told_service_here,
)
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import Offer, carry_out, terms_of
from gitops_cli.domain.change.draft import Draft, Verb, described, review_branch, written
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.duration import age
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, parse_service
from gitops_cli.domain.past.steps import Undoing
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.stamp import parse_moment
from gitops_cli.domain.text import one_line, plural
from gitops_cli.operations.rollback import Rollback, draft_rollback, plan_rollback
from gitops_cli.operations.rollback_commit import environments_of
from gitops_cli.operations.rollback_target import Back, last_commits
from gitops_cli.operations.writing import Terms


@command
def rollback(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE]…",
            help="What to take back.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    env: Env = None,
    project: Project = None,
    everything: Annotated[
        bool, typer.Option("--all", help="The whole environment, as before its last change.")
    ] = False,
    back: Annotated[
        int | None,
        typer.Option("--back", metavar="N", min=1, help="So many versions back, instead of one."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="HASH|TIME",
            help="A version of its past, or what was recorded then: 3h, yesterday, 2026-11-22.",
            autocompletion=complete_version,
        ),
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(
            "--commit",
            metavar="SHA",
            help="Undo exactly this state commit.",
            autocompletion=complete_commit,
        ),
    ] = None,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Lock what was taken back, so that CI does not undo it."),
    ] = False,
    message: Reason = None,
    override_lock: OverrideLock = False,
    request: RequestOptions = NO_REQUEST,
    sync: Sync = False,
    wait: Wait = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    report_file: ReportFile = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Go back to versions that ran before, as a new commit.

    Services go back one version each; going back again goes further back, not to what was bad.
    Of a whole environment, its own manifests go back in the same commit.
    Freeze windows do not hold a rollback up, locks do. Without arguments a terminal chooses from
    the last changes.

    Examples:
    gitops rollback billing -e prod --hold
    gitops rollback --all -e prod --to 3h  # as it was three hours ago
    gitops rollback -e prod --commit 8f14e45
    """
    session.report_to(report_file)
    extras = request.extras(proposes=request.pull_request)
    if sum(option is not None for option in (back, to, commit)) > 1:
        raise UsageError("--back, --to and --commit exclude each other")
    overrides = overrides_of(message, lock=override_lock)
    snapshot = session.look(require_remote=True, timeout=timeout).snapshot
    team = snapshot.team
    named, env = environment_among(session, services or (), env, snapshot)
    words = _Words(
        tuple(map(parse_service, named)),
        env,
        project,
        everything,
        back,
        to,
        commit,
    )
    if words.everything and words.services:
        raise UsageError("--all and named services exclude each other")
    words = _of_this_checkout(session, words, snapshot)
    environment = _environment(session, words, snapshot)
    foreseeing(session, context, kubeconfig, wanted=sync or wait)(environment, team)
    words = _chosen(session, words, environment, snapshot)
    past = _past(words, session.now())

    def plan(snapshot: Snapshot) -> Rollback:
        return plan_rollback(
            snapshot, environment, words.services, past, state=session.state, hold=hold
        )

    planned = plan(snapshot)
    terms = terms_of(session, message, overrides=overrides, confirmed=confirm)._replace(
        reviewed=request.pull_request
    )
    branch = review_branch(environment, words.services, verb=Verb.ROLLBACK)
    shown = terms._replace(preview=True)

    def compute(snapshot: Snapshot, terms: Terms, planned: Rollback = planned) -> Draft:
        return draft_rollback(
            snapshot,
            planned,
            terms,
            state=session.state,
            now=session.now(),
            by=session.person if hold else None,
        )

    plan_shown = compute(snapshot, shown)
    offer = Offer(
        plan_shown,
        compute,
        lambda now: compute(now, shown, plan(now)),
        _question(plan_shown),
        review_on(session, branch, extras) if request.pull_request else None,
        may_go_back=True,
    )
    outcome = carry_out(session, offer, terms, team, dry_run=dry_run, yes=yes, timeout=timeout)
    follow(session, outcome, timeout, sync=sync, wait=wait, context=context, kubeconfig=kubeconfig)


class _Words(NamedTuple):
    """What the command line says; what it leaves open is found or asked."""

    services: tuple[ServiceName, ...]
    env: str | None
    project: str | None
    everything: bool
    back: int | None
    to: str | None
    commit: str | None

    @property
    def says_how_far(self) -> bool:
        """Tell whether it is said which past is meant."""
        return self.everything or self.back is not None or bool(self.to or self.commit)


def _environment(session: Session, words: _Words, snapshot: Snapshot) -> EnvironmentName:
    if words.env is None and words.commit is not None:
        commit = session.state.resolve(words.commit)
        changed = environments_of(commit, snapshot, session.state)
        if words.project is not None:
            changed = [e for e in changed if place_of(e, snapshot.team).project == words.project]
        if len(changed) == 1:
            return changed[0]
        if changed and not may_ask():
            names = ", ".join(changed)
            raise UsageError(f"{commit[:12]} recorded versions in {names}", hint="pass -e ENV")
        if changed:
            return choose_environment(session, "Undo it where?", changed, flag="--env")
    return environment_named(
        session,
        words.env,
        snapshot,
        project=words.project,
        services=words.services,
        known=False,  # what was removed comes back
    )


def _of_this_checkout(session: Session, words: _Words, snapshot: Snapshot) -> _Words:
    if words.services or words.says_how_far:
        return words
    here = told_service_here(session, snapshot)
    if here is None:
        return words
    return words._replace(services=(here,))


def _chosen(
    session: Session, words: _Words, environment: EnvironmentName, snapshot: Snapshot
) -> _Words:
    """Return the words with the change that a person chose; raises UsageError in a script."""
    if words.services or words.says_how_far:
        return words
    if not may_ask():
        raise UsageError(
            f"roll back what in {environment}?",
            hint="name services, or pass --all, --to or --commit",
        )
    offers = last_commits(snapshot, environment, state=session.state)
    if not offers:
        raise UsageError(f"{environment} has no earlier versions")
    choices = [(offer.commit.hash, _offered(offer, session.now())) for offer in offers]
    chosen = choose(f"Undo which change of {environment}?", choices, flag="--commit")
    session.answers.options |= {"--env": environment, "--commit": chosen}
    return words._replace(commit=chosen)


def _offered(offer: Undoing, now: datetime) -> str:
    when = age(now - offer.commit.committed_at)
    changed = [described(Change(s, step.old, step.new)) for s, step in sorted(offer.steps.items())]
    what = ", ".join([*changed, *(["manifests"] if offer.manifests else [])])
    return f"{when + ' ago':<8}  {what}  ({one_line(offer.commit.author.name)})"


def _past(words: _Words, now: datetime) -> Back:
    if words.to is None:
        return Back(words.back or 1, commit=words.commit)
    at = _moment(words.to, now)
    return Back(at=at) if at is not None else Back(to=words.to)


def _moment(text: str, now: datetime) -> datetime | None:
    """Return the time that `text` says, as `--since` takes it; None for what may be a hash."""
    if re.fullmatch(r"\d+|[0-9a-fA-F]{7,}", text):
        return None
    try:
        return parse_moment(text, now.astimezone())
    except ValueError:
        return None


def _question(draft: Draft) -> str:
    if not draft.writes:
        return f"Lock {plural(len(draft.held), 'service')} in {draft.environment}?"
    hold = " and lock them" if draft.held else ""
    return f"Roll back {written(draft)} in {draft.environment}{hold}?"
