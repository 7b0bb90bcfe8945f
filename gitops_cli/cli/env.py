"""`gitops env list|add|copy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.options import DryRun, Exclude, Only, Project, Reason, Timeout, Yes
from gitops_cli.cli.prompts import ask_text
from gitops_cli.cli.session import Session
from gitops_cli.domain.directories import NewEnvironment
from gitops_cli.domain.names import parse_environment
from gitops_cli.domain.repository import Snapshot
from gitops_cli.operations.env import Copy, Why, draft_addition, draft_copy, list_environments
from gitops_cli.operations.writing import preview, write_draft
from gitops_cli.render.env import list_view, new_view
from gitops_cli.settings import parse_team

env = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, add and copy environments."
)

ImagesPath = Annotated[
    str | None,
    typer.Option("--images-path", metavar="PATH", help="What stands before a service's name."),
]


@env.command("list")
@command
def list_(session: Session) -> None:
    """Show the environments, by project and stage."""
    tip = session.state.tip(require_remote=False)
    if tip.note:
        session.output.note(tip.note)
    snapshot = session.state.snapshot(tip.commit)
    session.show(list_view(list_environments(snapshot, parse_team(snapshot.settings))))


@env.command()
@command
def add(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="ENV", help="Its full name; also the namespace's.")
    ],
    images_path: ImagesPath = None,
    message: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Timeout = None,
) -> None:
    """Add an environment without services."""
    environment = parse_environment(name)
    path = images_path or ask_text("Where are its images?", flag="--images-path")
    why = _why(session, message)
    _write(
        session,
        lambda snapshot: draft_addition(snapshot, environment, path, why),
        dry_run=dry_run,
        timeout=timeout,
    )


@env.command()
@command
def copy(
    session: Session,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="Environment or stage to copy.",
            autocompletion=complete_environment,
        ),
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="Full name of the new one.")],
    project: Project = None,
    only: Only = None,
    exclude: Exclude = None,
    images_path: ImagesPath = None,
    manifests: Annotated[
        bool,
        typer.Option("--manifests", help="Also copy manifests/, with the namespace changed."),
    ] = False,
    message: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Timeout = None,
) -> None:
    """Open a new stage: the images path and the versions of another one, without its locks."""
    wanted = Copy(
        source,
        parse_environment(target),
        project or session.user.project,
        only or (),
        exclude or (),
        images_path,
        manifests,
    )
    why = _why(session, message)
    _write(
        session,
        lambda snapshot: draft_copy(snapshot, wanted, why, state=session.state),
        dry_run=dry_run,
        timeout=timeout,
    )


def _why(session: Session, reason: str | None) -> Why:
    return Why(reason, session.ci.url if session.ci else None)


def _write(
    session: Session,
    compute: Callable[[Snapshot], NewEnvironment],
    *,
    dry_run: bool,
    timeout: float | None,
) -> None:
    if dry_run:
        session.show(new_view(preview(session.state, compute), None))
        return
    draft, written = write_draft(session.state, compute, actor=session.actor, timeout=timeout)
    for note in written.notes:
        session.output.note(note)
    session.show(new_view(draft, written))
