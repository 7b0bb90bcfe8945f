"""`gitops help` and `gitops version`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.session import Session
from gitops_cli.render.help import (
    environment_view,
    exit_codes_view,
    formats_view,
    topics_view,
    version_view,
)
from gitops_cli.render.view import View


class Topic(StrEnum):
    """What can be explained."""

    EXIT_CODES = "exit-codes"
    ENVIRONMENT = "environment"
    FORMATS = "formats"


_VIEWS: Mapping[Topic, Callable[[], View]] = {
    Topic.EXIT_CODES: exit_codes_view,
    Topic.ENVIRONMENT: environment_view,
    Topic.FORMATS: formats_view,
}


@command
def help_(
    session: Session,
    topic: Annotated[
        Topic | None, typer.Argument(help="What to explain.", show_default=False)
    ] = None,
) -> None:
    """Explain exit codes, environment variables or output formats."""
    session.show(topics_view(Topic) if topic is None else _VIEWS[topic]())


@command
def version(session: Session) -> None:
    """Show the versions of gitops, Python and git."""
    session.show(version_view(session.git_version))
