"""`gitops report`."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.options import Columns, EnvToo, Limit, Project, past_time
from gitops_cli.cli.output import Format
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import by_project, in_order, of_one_stage, of_project
from gitops_cli.render.view import View
from gitops_cli.report.gathering import Delivery, ReportScope, gather
from gitops_cli.report.view import view

SINCE = "90d"
PORT = 8765
_SELDOM = 1_000_000  # values, after which the collector looks


@command
def report(
    session: Session,
    environments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENV|PROJECT]…",
            help="Environments, stages or projects; default: all.",
            show_default=False,
            autocompletion=complete_environment,
        ),
    ] = None,
    env: EnvToo = None,
    project: Project = None,
    since: Annotated[
        datetime,
        typer.Option(
            parser=past_time,
            metavar="TIME",
            help="From then on: 90d, 2w, monday, 2026-09-01.",
        ),
    ] = SINCE,  # type: ignore[assignment]  # what is typed; Typer parses it
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Show the page to browsers of this machine, until Ctrl-C."),
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65535, help="With --serve: where; 0 for a free one."
        ),
    ] = PORT,
    columns: Columns = None,
    timeout: Limit = None,
) -> None:
    """Show what was delivered: how often, how fast, how often it failed, and what waits.

    From the repository and the services' sources alone; docs/report.md says what each figure is.

    Examples:
    gitops report prod --since 30d
    gitops report shop -o csv  # a project's figures
    gitops report -o html > delivery.html  # a page of its own
    gitops report --serve
    """
    session.limits.begin(None if serve else timeout)  # a server goes on until somebody ends it
    words = [*(environments or ()), *(env or ())]
    if serve:
        _serve(session, words, project, since, port)
        return
    found = _gathered(session, words, project, since)
    if session.output.format is Format.HTML:
        from gitops_cli.report.page import report_page  # Jinja2 takes 50 ms

        session.show(View("report", {}, page=lambda: report_page(found)))
        return
    session.show(view(found), columns=columns)


def _serve(
    session: Session, words: Sequence[str], project: str | None, since: datetime, port: int
) -> None:
    """Show the page until somebody ends it; the period moves along."""
    if session.output.format not in (Format.TABLE, Format.HTML):
        raise UsageError("--serve shows the page of -o html, and nothing else")
    from gitops_cli.report.page import report_page
    from gitops_cli.report.serving import REFRESH, PageServer  # 40 ms, for who serves

    span = session.now() - since

    def make() -> str:
        found = _gathered(session, words, project, session.now() - span)
        return report_page(found, refresh=REFRESH)

    with PageServer(port, make) as server:
        server.pages.now()  # whatever is wrong is told here, not to a browser
        session.output.print_report(server.url)
        session.output.note("Ctrl-C ends it")
        server.serve_forever()


def _gathered(
    session: Session, words: Sequence[str], project: str | None, since: datetime
) -> Delivery:
    # What is read stays until it is shown: to look through all of it for garbage is in vain.
    gc.set_threshold(_SELDOM)
    if since > session.now():
        raise UsageError("--since lies ahead", hint="a report is of what was, such as 30d")
    tip, snapshot = session.look()
    sources = cache(lambda: session.sources(snapshot.team))
    found = gather(
        session.state,
        snapshot,
        _scope(words, project, snapshot),
        tip=tip,
        since=since,
        now=session.now(),
        sources=sources,
    )
    if sources.cache_info().currsize:
        session.note_troubles(sources())
    return found


def _scope(words: Sequence[str], project: str | None, snapshot: Snapshot) -> ReportScope:
    """Return which environments are meant; a word that is none of them is a project's name.

    Raises UnknownEnvironment for one that is neither.
    """
    names, team = snapshot.environments.keys(), snapshot.team
    if not words and project is None:
        return ReportScope(in_order(names, team), None)
    if not words:
        return ReportScope(of_project(names, str(project), team), {str(project)})
    found, projects = dict.fromkeys(names, False), set()
    known = by_project(names, team)
    for word in words:
        try:
            meant = of_one_stage(word, names, team, project=project)
        except UnknownEnvironment:
            if word not in known:
                raise
            meant = known[word]
            projects.add(word)
        found.update(dict.fromkeys(meant, True))
    return ReportScope([name for name, is_meant in found.items() if is_meant], projects)
