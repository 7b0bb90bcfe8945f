"""Options that several commands share, with one meaning everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.completion import (
    complete_commit,
    complete_environment,
    complete_project,
    complete_service_or_environment,
)


def duration(text: str) -> float:
    """Return an option's length of time in seconds."""
    from gitops_cli.domain.duration import parse_duration  # as of times, who says one needs it

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def past_time(text: str) -> datetime:
    """Return an option's time, or how long ago it was."""
    from gitops_cli.domain.stamp import parse_moment

    try:
        return parse_moment(text, datetime.now(UTC).astimezone())
    except ValueError as error:
        raise typer.BadParameter(
            f"`{text}` is neither a time such as 2026-11-23T02:00 or yesterday "
            "nor a length such as 2d"
        ) from error


Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="ENV",
        envvar="GITOPS_ENV",
        help="Environment, or a stage: dev, stage, prod.",
        autocompletion=complete_environment,
    ),
]
Envs = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="ENV",
        envvar="GITOPS_ENV",
        help="Environment or stage; may be repeated.",
        autocompletion=complete_environment,
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV]…",
        help="Environments or stages; default: all.",
        show_default=False,
        autocompletion=complete_environment,
    ),
]
Shown = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SERVICE|ENV]…",
        help="Only these; in a service's checkout, that one.",
        show_default=False,
        autocompletion=complete_service_or_environment,
    ),
]
# Where environments are arguments, -e says the same: nobody remembers which command has which.
EnvBehind = Annotated[
    str | None,
    typer.Argument(
        metavar="[ENV]", show_default=False, autocompletion=complete_environment, hidden=True
    ),
]
"""The environment behind a service, as other commands take it."""
EnvToo = Annotated[
    list[str] | None,
    typer.Option("--env", "-e", hidden=True, autocompletion=complete_environment),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="NAME",
        envvar="GITOPS_PROJECT",
        help="Project, where a stage's name fits several.",
        autocompletion=complete_project,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to the confirmation.")]
# Commands that ask nothing take it too: a script says it to all writers.
YesToo = Annotated[bool, typer.Option("--yes", "-y", hidden=True)]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="ENV",
        help="Confirm a protected environment by its name.",
        autocompletion=complete_environment,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--message", "-m", "--reason", metavar="TEXT", help="Why; recorded in the commit."
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report-file",
        metavar="FILE",
        envvar="GITOPS_REPORT",
        help="Append what came of it as NAME=value, for GitLab's dotenv reports.",
        show_default=False,
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is rolled out.")]
Sync = Annotated[
    bool,
    typer.Option(
        "--sync/--no-sync", help="Make the cluster follow at once, as `gitops sync` does."
    ),
]
RollbackOnFailure = Annotated[
    bool,
    typer.Option(
        "--rollback-on-failure",
        help="With --wait: if the rollout fails, take it back, as `gitops rollback` does.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=duration,
        metavar="DURATION",
        envvar="GITOPS_TIMEOUT",
        help="How long to try or wait, such as 90s; 5m unless said.",
    ),
]
Limit = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=duration,
        metavar="DURATION",
        envvar="GITOPS_TIMEOUT",
        help="How long all of it may take, such as 90s; unless said, each request has a limit.",
        show_default=False,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAME,…",
        help="Only these columns, in this order; also those of -o wide.",
        show_default=False,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", envvar="GITOPS_CONTEXT", help="Context of the kubeconfig."
    ),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig file.", show_default=False),
]
Rev = Annotated[
    str | None,
    typer.Option(
        "--rev",
        metavar="REV",
        help="State commit to use instead of the remote's tip.",
        autocompletion=complete_commit,
    ),
]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        parser=past_time,
        metavar="TIME",
        help="State as it was at that time: 2026-11-23T02:00, 2h.",
    ),
]
New = Annotated[
    bool, typer.Option("--new", help="Record services that their project does not have yet.")
]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="GLOB", help="Only services like this.")
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", "--omit", metavar="GLOB", help="Not these.")
]
VerifyImage = Annotated[
    bool,
    typer.Option("--verify-image", help="Refuse a version whose image the registry has not."),
]
WaitImage = Annotated[
    float | None,
    typer.Option(
        "--wait-image",
        parser=duration,
        metavar="DURATION",
        help="Wait that long for the image, such as 10m.",
    ),
]
Pin = Annotated[bool, typer.Option("--pin", help="Record the image's digest too: HASH@sha256:….")]
Images = Annotated[
    bool,
    typer.Option("--images", help="Ask the registries whether the recorded images exist."),
]
