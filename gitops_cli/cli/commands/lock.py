"""`gitops lock` and `gitops unlock`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service
from gitops_cli.cli.options import DryRun, Env, Project, Reason, Timeout, YesToo
from gitops_cli.cli.prompts import ask_text, may_ask
from gitops_cli.cli.resolve import environment_among
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import answering, asked_environment, asked_of, note_writing
from gitops_cli.domain.change.draft import LockDraft
from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.newcomers import need_known
from gitops_cli.domain.stamp import parse_time
from gitops_cli.operations.lock import LockOrder, draft_lock, draft_unlock
from gitops_cli.operations.writing import Terms, preview, write_draft
from gitops_cli.render.lock import lock_view

Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SERVICE]…",
        help="Default: the whole environment.",
        show_default=False,
        autocompletion=complete_service,
    ),
]


@command
def lock(
    session: Session,
    services: Services = None,
    env: Env = None,
    project: Project = None,
    message: Reason = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="When it ends by itself: 2h, 3d, 2026-12-24, 2026-12-24T18:00.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: YesToo = False,
    timeout: Timeout = None,
) -> None:
    """Hold the recorded version: writers are refused until it is unlocked.

    The lock is a file in the environment, with who, why and until when. The cluster goes on
    following what is recorded.

    Examples:
    gitops lock billing -e prod -m "incident 42" --until 2h
    gitops lock -e prod -m "audit"  # the whole environment
    """
    now = session.now()
    end = _until(until, now)
    if message is None and not may_ask():
        raise UsageError("why is it locked?", hint='pass -m "why"')
    order = _order(session, services, env, project)._replace(reason=message, until=end)
    if message is None:
        need_known(order.services, session.look(require_remote=True).snapshot)
        reason = ask_text("Why is it locked?", flag='-m "why"')
        session.answers.options["--message"] = reason
        order = order._replace(reason=reason)

    def compute(snapshot: Snapshot, order: LockOrder) -> LockDraft:
        return draft_lock(snapshot, order, state=session.state, now=now, by=session.person)

    _carry_out(session, order, compute, dry_run=dry_run, timeout=timeout)


@command
def unlock(
    session: Session,
    services: Services = None,
    env: Env = None,
    project: Project = None,
    message: Reason = None,
    dry_run: DryRun = False,
    yes: YesToo = False,
    timeout: Timeout = None,
) -> None:
    """Take a lock away, so that versions can be recorded again.

    Examples:
    gitops unlock billing -e prod
    gitops unlock -e prod -m "the audit is over"
    """
    order = _order(session, services, env, project)._replace(reason=message)

    def compute(snapshot: Snapshot, order: LockOrder) -> LockDraft:
        return draft_unlock(snapshot, order, state=session.state, now=session.now())

    _carry_out(session, order, compute, dry_run=dry_run, timeout=timeout)


def _order(
    session: Session, services: list[str] | None, env: str | None, project: str | None
) -> LockOrder:
    words, env = environment_among(session, services or (), env)
    names = tuple(dict.fromkeys(map(parse_service, words)))
    return LockOrder(
        env or asked_environment(session, project, partial(need_known, names)),
        names,
        project,
        session.user.project,
        run=session.ci.url if session.ci else None,
    )


def _carry_out(
    session: Session,
    order: LockOrder,
    compute: Callable[[Snapshot, LockOrder], LockDraft],
    *,
    dry_run: bool,
    timeout: float | None,
) -> None:
    def write(environment: str, _: Terms) -> None:
        named = order._replace(environment=environment)
        if dry_run:
            session.show(lock_view(preview(session.state, lambda s: compute(s, named)), None))
            return
        draft, written = write_draft(
            session.state,
            asked_of(session, lambda s: compute(s, named), lock_view),
            actor=session.actor,
            timeout=timeout,
        )
        note_writing(session, written)
        session.report(lock_view(draft, written))

    answering(session, write, order.environment, Terms())


def _until(text: str | None, now: datetime) -> datetime | None:
    """Return the end that a duration, a date (its first moment here) or a time says."""
    if text is None:
        return None
    try:
        at = now + timedelta(seconds=parse_duration(text))
    except ValueError:
        at = _time(text)
    if at <= now:
        raise UsageError(f"--until {text} is over already")
    return at


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise UsageError(
            f"--until {text} is neither a time nor a duration",
            hint="write 2h, 3d, 2026-12-24 or 2026-12-24T18:00",
        ) from None
