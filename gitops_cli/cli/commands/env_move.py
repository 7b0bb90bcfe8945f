"""`gitops env remove` and `gitops env rename`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_whole_environment
from gitops_cli.cli.options import Confirm, DryRun, Reason, Timeout, Yes, YesToo
from gitops_cli.cli.overrides import OverrideFreeze, OverrideLock, OverridePolicy, overrides_of
from gitops_cli.cli.proposing import moving, review_of_all
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.requirements import requires_of
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import agreed, asked_of, note_writing, show_before, terms_of, warn_of
from gitops_cli.domain.change.draft import Verb, review_branch
from gitops_cli.domain.change.request import ReviewBranch
from gitops_cli.domain.cluster.advice import at_home
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.env_move import (
    EnvironmentMove,
    draft_environment_removal,
    draft_environment_renaming,
)
from gitops_cli.operations.writing import Terms, write_draft
from gitops_cli.render.env_move import move_plan, move_result
from gitops_cli.render.waiting import waiting

# Its whole name is asked for: no short name of a stage should take an environment away.
Environment = Annotated[
    str,
    typer.Argument(metavar="ENV", help="Its full name.", autocompletion=complete_whole_environment),
]


@command
def remove(
    session: Session,
    environment: Environment,
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: YesToo = False,  # is no yes to this: the hint says what is
    confirm: Confirm = None,
    timeout: Timeout = None,
) -> None:
    """Take an environment out of the record, with all that its directory holds.

    One commit, confirmed by the environment's name. Nothing is deleted in the cluster: what
    stays there is said, and how it is deleted.

    Examples:
    gitops env remove shop-qa --dry-run
    gitops env remove shop-qa --confirm shop-qa -m "the trial is over"
    """
    name = EnvironmentName(environment)
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    snapshot = session.state.snapshot(session.state.tip(timeout=timeout).commit)
    shown = snapshot.environment(name)
    branch = review_branch(name, verb=Verb.REMOVE)
    review = review_of_all(session, request, [name], snapshot.team, overrides, branch)

    def compute(snapshot: Snapshot, terms: Terms) -> EnvironmentMove:
        return draft_environment_removal(snapshot, name, terms, shown=shown, now=session.now())

    commit = _carry_out(
        session,
        snapshot,
        compute,
        terms_of(session, message, overrides=overrides, confirmed=confirm),
        f"Remove {name}, with all that it records?",
        review,
        dry_run=dry_run,
        timeout=timeout,
    )
    if commit is not None:
        gone = at_home(name, snapshot.team, "delete", "namespace", name)
        _say(
            session,
            [
                f"in the cluster all of it stays: {gone}",
                f"an agent that follows it: gitops agent uninstall {name}",
                f"the record comes back with: git revert {commit[:12]}",
            ],
        )


@command
def rename(
    session: Session,
    environment: Environment,
    name: Annotated[str, typer.Argument(metavar="NEW", help="Its full name from now on.")],
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
) -> None:
    """Give an environment another name in the record; `history` and `rollback` follow.

    The name is also the namespace's, its project's and its stage's. In the cluster nothing moves:
    what stays there, and what the new name needs, is said. The rules that gitops.toml has for
    another stage hold as for `env copy`.

    Examples:
    gitops env rename shop-qa shop-testing --dry-run
    gitops env rename shop-prod shop-production -m "as the others are called"
    """
    old, new = EnvironmentName(environment), parse_environment(name)
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    snapshot = session.state.snapshot(session.state.tip(timeout=timeout).commit)
    snapshot.environment(old)
    branch = f"{review_branch(old, verb=Verb.RENAME)}+{new}"
    review = review_of_all(session, request, [old, new], snapshot.team, overrides, branch)

    def compute(snapshot: Snapshot, terms: Terms) -> EnvironmentMove:
        return draft_environment_renaming(
            snapshot,
            old,
            new,
            terms,
            state=session.state,
            requires=lambda team: requires_of(session, team, None, None),
            now=session.now(),
        )

    commit = _carry_out(
        session,
        snapshot,
        compute,
        terms_of(session, message, overrides=overrides, confirmed=confirm),
        f"Rename {old} to {new}?",
        review,
        dry_run=dry_run,
        timeout=timeout,
        yes=yes,
    )
    if commit is not None:
        make = at_home(new, snapshot.team, "create", "namespace", new)
        gone = at_home(old, snapshot.team, "delete", "namespace", old)
        _say(
            session,
            [
                f"its namespace is {new} now, and has to be there: {make}",
                f"what runs in {old} stays as it is, until: {gone}",
                f"an agent knows one name: gitops agent uninstall {old}",
                f"and then: gitops agent install {new}",
            ],
        )


def _carry_out(
    session: Session,
    snapshot: Snapshot,
    compute: Callable[[Snapshot, Terms], EnvironmentMove],
    terms: Terms,
    question: str,
    review: ReviewBranch | None,
    *,
    dry_run: bool,
    timeout: float | None,
    yes: bool | None = None,
) -> str | None:
    """Show, ask, write and tell; returns the commit in the state, None where there is none.

    `yes` None: only the environment's name is a yes.
    """
    terms = terms._replace(reviewed=review is not None)
    draft = compute(snapshot, terms._replace(preview=True))
    warn_of(session, draft.warnings)
    if dry_run:
        done = move_result(draft, None, shown=False)
        session.show(waiting(done, review, draft.proposal, None))
        return None
    shown = show_before(session, move_plan(draft))
    said = agreed(
        draft.asks,
        snapshot.team,
        terms,
        question=question,
        yes=bool(yes),
        by_name=yes is None,
    )
    draft, written = write_draft(
        session.state,
        asked_of(
            session,
            lambda snapshot: compute(snapshot, said),
            lambda draft, written: move_result(draft, written, shown=True),
        ),
        actor=session.actor,
        timeout=timeout,
        branch=review.branch if review else None,
    )
    note_writing(session, written)
    review = moving(session, review, draft.proposal, written, move_plan(draft), draft.reason)
    done = move_result(draft, written, shown=shown)
    session.report(waiting(done, review, draft.proposal, written))
    return None if review else written.commit


def _say(session: Session, lines: Iterable[str]) -> None:
    for line in lines:
        session.output.say(line)
