"""`gitops history`."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.options import Columns, Envs, Limit, Project, Shown, past_time
from gitops_cli.cli.resolve import looked_for
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.text import one_line
from gitops_cli.operations.history import read_history
from gitops_cli.operations.past_changes import ACTIONS, HistorySpan, Kinds
from gitops_cli.render.history import view

LIMIT = 20


@command
def history(
    session: Session,
    services: Shown = None,
    environments: Envs = None,
    project: Project = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=past_time, metavar="TIME", help="Not before: yesterday, monday, 2d, 2026-11-23."
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=past_time, metavar="TIME", help="Not after.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            min=0,
            help=f"How many; 0 for all. By default {LIMIT}, or all with --since or --until.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="WHO", help="Only whose name or address contains this."),
    ] = None,
    actions: Annotated[
        list[str] | None,
        typer.Option(
            "--action",
            metavar="ACTION",
            help="Only these: promote, lock …, manifests, or override; may be repeated.",
        ),
    ] = None,
    pager: Annotated[
        bool,
        typer.Option(
            "--pager/--no-pager", help="Page what is longer than the terminal, as git does."
        ),
    ] = True,
    columns: Columns = None,
    timeout: Limit = None,
) -> None:
    """Show who recorded or locked what, when and why, and how long it lived.

    Also who changed the manifests of environments.

    Examples:
    gitops history
    gitops history billing -e prod -n 5
    gitops history -e prod --since yesterday --by ada
    gitops history -e prod --since 2026-11-01 -o json
    """
    session.limits.begin(timeout)
    snapshot = session.look().snapshot
    if limit is None:
        limit = None if since or until else LIMIT
    wanted = looked_for(session, snapshot, services, environments, project)
    kinds = Kinds(by, frozenset(map(_action, actions or ())))
    span = HistorySpan(since, until, min(limit, sys.maxsize) if limit else None)
    entries = read_history(session.state, snapshot, wanted, span, kinds)
    session.show(view(entries, session.now()), paged=pager, columns=columns)


def _action(word: str) -> str:
    if word in ACTIONS:
        return word
    raise UsageError(
        f"--action: `{one_line(word)}` is none",
        hint=did_you_mean(word, ACTIONS) or f"actions: {', '.join(sorted(ACTIONS))}",
    )
