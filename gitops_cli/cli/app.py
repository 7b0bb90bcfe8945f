"""The root command: every command is registered here and nowhere else."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli import __version__
from gitops_cli.cli.command import Directory
from gitops_cli.cli.demo import demo
from gitops_cli.cli.history import history
from gitops_cli.cli.init import init
from gitops_cli.cli.lock import lock, unlock
from gitops_cli.cli.promote import promote
from gitops_cli.cli.rollback import rollback
from gitops_cli.cli.sandbox import sandbox
from gitops_cli.cli.release import release
from gitops_cli.cli.set import set_versions
from gitops_cli.cli.status import status
from gitops_cli.cli.validate import validate

# The panels of `gitops --help`, in the order of a newcomer's day.
CHANGE = "Change what should run"
LOOK = "Look"
CLUSTER = "Make the cluster follow"
SETUP = "Set up"

app = typer.Typer(
    name="gitops",
    help="Record, promote, diff and sync the versions of your services: git and a kubeconfig.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they print local variables, which may be secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gitops {__version__}")
        raise typer.Exit


@app.callback()
def root(
    directory: Directory = None,
    repo: Annotated[str | None, typer.Option("--repo", "-R", hidden=True)] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Record, promote, diff and sync the versions of your services: git and a kubeconfig."""


app.command("set", rich_help_panel=CHANGE)(set_versions)
app.command("release", rich_help_panel=CHANGE)(release)
app.command("promote", rich_help_panel=CHANGE)(promote)
app.command("rollback", rich_help_panel=CHANGE)(rollback)
app.command("lock", rich_help_panel=CHANGE)(lock)
app.command("unlock", rich_help_panel=CHANGE)(unlock)
app.command("status", rich_help_panel=LOOK)(status)
app.command("history", rich_help_panel=LOOK)(history)
app.command("log", hidden=True)(history)
app.command("validate", rich_help_panel=LOOK)(validate)
app.command("lint", hidden=True)(validate)
app.command("init", rich_help_panel=SETUP)(init)
app.command("demo", rich_help_panel=SETUP)(demo)
app.add_typer(sandbox, name="sandbox", rich_help_panel=SETUP)
