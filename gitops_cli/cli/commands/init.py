"""`gitops init`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.prompts import ask_text
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.image import split_repository
from gitops_cli.domain.recorded.blueprint import PROJECT, Blueprint, Pipelines, checked, files_of
from gitops_cli.domain.recorded.team import DEFAULT_STAGES
from gitops_cli.domain.ssh import ssh_server
from gitops_cli.domain.text import holds_credentials, redacted
from gitops_cli.operations.recipes import recipe_files, state_pipelines
from gitops_cli.operations.shell_agent import shell_agent
from gitops_cli.render.init import view


class AgentKind(StrEnum):
    """Agents that are files of the state repository; `gitops agent install` needs none."""

    SHELL = "shell"


@command
def init(
    session: Session,
    where: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="New or empty directory.")
    ] = None,
    projects: Annotated[
        list[str] | None,
        typer.Option("--project", "-p", metavar="NAME", help="Project; repeat it, or use commas."),
    ] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option("--stage", metavar="NAME", help="Stages, from the first to the last."),
    ] = None,
    images_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help=f"Where the images are; {PROJECT} stands for it."),
    ] = None,
    forge: Annotated[
        Pipelines | None,
        typer.Option(
            "--ci",
            help="Whose pipelines to add, for this repository and to copy into services; "
            "by default as the remote says.",
        ),
    ] = None,
    agent: Annotated[
        AgentKind | None,
        typer.Option(
            "--agent", help="Add an agent's files: a shell script and its manifests (sync-agent/)."
        ),
    ] = None,
    agent_repo: Annotated[
        str | None,
        typer.Option(
            "--agent-repo", metavar="URL", help="This repository as the cluster reaches it."
        ),
    ] = None,
) -> None:
    """Make a state repository.

    Examples:
    gitops init environments-state --project shop
    gitops init . --project shop --images-path registry.example.com/shop/
    """
    target = session.directory / (where or "")
    remote = session.machine.remote_of(target)
    blueprint = checked(
        Blueprint(
            _words(projects) or _words([ask_text("Projects, comma-separated:", flag="--project")]),
            _words(stages) or DEFAULT_STAGES,
            images_path
            or ask_text(
                f"Where are the images, such as registry.example.com/{PROJECT}/ ?",
                flag="--images-path",
            ),
            forge or _forge_of(remote),
        )
    )
    registry, _ = split_repository(f"{next(iter(blueprint.environments.values()))}service")
    files = files_of(blueprint) | state_pipelines(blueprint.forge)
    files |= recipe_files(
        blueprint.forge,
        repository=None if remote is None else redacted(remote),
        registry=registry,
        stage=blueprint.stages[0],
    )
    if agent is AgentKind.SHELL:
        files |= shell_agent(blueprint.environments, _reachable(agent_repo or remote))
    made = session.machine.create(target, files, "Begin the state repository")
    session.report(
        view(
            blueprint,
            files,
            directory=where or target,
            branch=made.branch,
            commit=made.commit,
            remote=made.remote,
        )
    )


def _reachable(url: str | None) -> str:
    if url is None or holds_credentials(url) or (ssh_server(url) is None and "://" not in url):
        raise UsageError(
            "where does the cluster find this repository?",
            hint="pass --agent-repo URL, without credentials in it",
        )
    return url


def _words(values: list[str] | None) -> list[str]:
    return [word for value in values or () for word in value.replace(",", " ").split()]


def _forge_of(remote: str | None) -> Pipelines:
    for forge in (Pipelines.GITHUB, Pipelines.GITLAB):
        if remote is not None and forge in remote:
            return forge
    return Pipelines.NONE
