"""`gitops help` and `gitops version`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.text import one_line
from gitops_cli.render.help import (
    environment_view,
    exit_codes_view,
    formats_view,
    keys_view,
    topics_view,
    version_view,
)
from gitops_cli.render.view import View


class Topic(StrEnum):
    """What can be explained."""

    EXIT_CODES = "exit-codes"
    ENVIRONMENT = "environment"
    FORMATS = "formats"
    TEAM_FILE = "gitops.toml"
    USER_FILE = "config.toml"


_VIEWS: Mapping[Topic, Callable[[], View]] = {
    Topic.EXIT_CODES: exit_codes_view,
    Topic.ENVIRONMENT: environment_view,
    Topic.FORMATS: formats_view,
    Topic.TEAM_FILE: partial(keys_view, Topic.TEAM_FILE),
    Topic.USER_FILE: partial(keys_view, Topic.USER_FILE),
}


def _complete(incomplete: str) -> list[str]:
    from gitops_cli.cli.app import COMMANDS

    return [word for word in (*Topic, *COMMANDS) if word.startswith(incomplete)]


@command
def help_(
    session: Session,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC|COMMAND]",
            help=f"What to explain: {', '.join(Topic)}, or a command.",
            show_default=False,
            autocompletion=_complete,
        ),
    ] = None,
) -> None:
    """Explain exit codes, environment variables, output formats or settings.

    Examples:
    gitops help exit-codes
    gitops help gitops.toml  # every key of it
    gitops help promote
    """
    if not words:
        session.show(topics_view(Topic))
    elif words[0] in _VIEWS:
        session.show(_VIEWS[Topic(words[0])]())
    else:
        _help_of(words)


def _help_of(words: list[str]) -> None:
    from gitops_cli.cli.aliases import expanded
    from gitops_cli.cli.app import COMMANDS, app  # it imports this module

    if words[0] not in COMMANDS:
        words = expanded(words, COMMANDS)[:1]
    if words[0] not in COMMANDS:
        raise UsageError(
            f"there is no topic or command `{one_line(words[0])}`",
            hint=f"topics: {', '.join(Topic)}; `gitops --help` lists the commands",
        )
    app([*words, "--help"], prog_name="gitops")


@command
def version(session: Session) -> None:
    """Show the versions of gitops, Python and git.

    Examples:
    gitops version
    gitops version -o json
    """
    session.show(version_view(session.machine.git_version))
