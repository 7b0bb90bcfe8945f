"""`gitops config list`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import RemoteUnreachable, UsageError
from gitops_cli.operations.config import personal_settings, team_settings
from gitops_cli.render.config import view

config = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="""Show what is configured.

    Examples:
    gitops config list
    gitops config list --show-origin
    """,
)


@config.command("list")
@command
def list_(
    session: Session,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Also say where each value comes from.")
    ] = False,
) -> None:
    """Show the settings in force: variables, your config, gitops.toml, defaults.

    Examples:
    gitops config list
    gitops config list --show-origin
    """
    settings = personal_settings(session.user, os.environ)
    try:
        tip = session.state.tip(require_remote=False)
        settings += team_settings(session.state, tip.commit)
        if tip.note:
            session.output.note(tip.note)
    except (UsageError, RemoteUnreachable) as error:
        # Without a repository there still is what this person has configured.
        session.output.note(f"no team settings: {error.message}")
    session.show(view(settings, origins=show_origin))


@config.callback()
def _group() -> None:
    """Show what is configured."""
