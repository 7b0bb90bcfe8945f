"""`gitops sandbox up`, `down` and `env`."""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.sandbox.lifecycle import Sandbox, sandbox_in
from gitops_cli.sandbox.view import down_view, environment_view, up_view

sandbox = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="""A practice ground: a state repository, sources and an emulated cluster on this machine.

    Examples:
    gitops sandbox up && eval "$(gitops sandbox env)"
    gitops sandbox down
    """,
)


class Shell(StrEnum):
    """Whose words `env` prints."""

    SH = "sh"
    FISH = "fish"


Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="PATH",
        help="Where it is; by default in the user's cache.",
        show_default=False,
    ),
]


@sandbox.command("up")
@command
def up(session: Session, where: Dir = None) -> None:
    """Make the repositories and start the cluster; nothing, if it is up already.

    Examples:
    gitops sandbox up && eval "$(gitops sandbox env)"
    gitops sandbox up --dir ~/practice
    """
    ground = _sandbox(session, where)
    session.report(up_view(ground, ground.up(), option=_option(where)))


@sandbox.command("down")
@command
def down(session: Session, where: Dir = None) -> None:
    """Stop the cluster and remove the repositories.

    Examples:
    gitops sandbox down
    gitops sandbox down --dir ~/practice
    """
    ground = _sandbox(session, where)
    removed = ground.down()
    left = removed and ground.place.directory.exists()
    session.report(down_view(ground, removed=removed, left=left))


@sandbox.command("env")
@command
def env(
    session: Session,
    where: Dir = None,
    shell: Annotated[
        Shell | None, typer.Option("--shell", help="Of which shell; by default as $SHELL says.")
    ] = None,
) -> None:
    """Print the variables that point gitops and kubectl at it: eval "$(gitops sandbox env)".

    Examples:
    eval "$(gitops sandbox env)"
    gitops sandbox env --shell fish | source
    """
    ground = _sandbox(session, where)
    if ground.find() is None:
        raise ConfigurationError(
            f"no sandbox is up in {ground.place.directory}",
            hint=f"gitops sandbox up{_option(where)}",
        )
    fish = (shell or _shell()) is Shell.FISH
    session.show(environment_view(ground.environment, fish=fish))


def _sandbox(session: Session, where: Path | None) -> Sandbox:
    return sandbox_in(None if where is None else session.directory / where)


def _shell() -> Shell:
    return Shell.FISH if Path(os.environ.get("SHELL", "")).name == "fish" else Shell.SH


def _option(where: Path | None) -> str:
    return "" if where is None else f" --dir {shlex.quote(str(where))}"
