"""`gitops browse`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service_or_environment
from gitops_cli.cli.opening import open_page
from gitops_cli.cli.options import Env, EnvBehind, Limit, Project
from gitops_cli.cli.resolve import environment_named
from gitops_cli.cli.session import Session
from gitops_cli.domain.names import EnvironmentName, parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.selection import told_apart
from gitops_cli.operations.browse import (
    ForgePage,
    is_prefix,
    page_of_commit,
    page_of_environment,
    page_of_service,
    page_of_state,
)
from gitops_cli.render.browse import page_view


@command
def browse(
    session: Session,
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE|ENV|COMMIT]",
            help="Unless said: the state repository.",
            show_default=False,
            autocompletion=complete_service_or_environment,
        ),
    ] = None,
    place: EnvBehind = None,
    env: Env = None,
    project: Project = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the address; open nothing.")
    ] = False,
    timeout: Limit = None,
) -> None:
    """Open the page of a forge that shows it.

    Of a service with -e: what the stage before has and that environment lacks. Of an environment:
    its directory. Of a commit, of the state repository or a recorded one of a service: the commit.
    In a pipe the address is printed.

    Examples:
    gitops browse billing -e prod  # what a promotion would bring
    gitops browse prod
    gitops browse 8f14e45 --print
    """
    session.limits.begin(timeout)
    tip = session.state.tip(require_remote=False)
    snapshot = session.state.snapshot(tip.commit)
    page = _page(session, snapshot, word, place if env is None else env, project)
    opens = session.output.for_people and sys.stdout.isatty() and not only_print
    if opens and open_page(page.url):
        session.output.say(f"opened {page.url}: {page.shows}")
        return
    session.show(page_view(page))


def _page(
    session: Session, snapshot: Snapshot, word: str | None, env: str | None, project: str | None
) -> ForgePage:
    state, forges = session.state, session.user.forges
    sources = session.sources(snapshot.team)
    words = told_apart([] if word is None else [word], snapshot)
    is_commit = word is not None and is_prefix(word) and not _is_service(word, snapshot)
    if word is not None and is_commit and not words.environments:
        return page_of_commit(state, forges, snapshot, sources, word)
    place = env or next(iter(words.environments), None)
    services = [parse_service(name) for name in words.services]
    name: EnvironmentName | None = None
    if place is not None:
        name = environment_named(session, place, snapshot, project=project, services=services)
    if services:
        return page_of_service(snapshot, sources, services[0], name)
    return (
        page_of_state(state, forges) if name is None else page_of_environment(state, forges, name)
    )


def _is_service(word: str, snapshot: Snapshot) -> bool:
    return any(word in environment.files for environment in snapshot.environments.values())
