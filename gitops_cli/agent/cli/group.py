"""`gitops agent`: its subcommands, and the options they share."""

from __future__ import annotations

import typer

from gitops_cli.agent.cli.install import install, manifests
from gitops_cli.agent.cli.key import key
from gitops_cli.agent.cli.run import run
from gitops_cli.agent.cli.status import status
from gitops_cli.agent.cli.uninstall import uninstall

agent = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="""A process in the cluster that follows the state repository by itself.

    Examples:
    gitops agent install prod --dry-run
    gitops agent status
    """,
)
agent.command("key")(key)
agent.command("manifests")(manifests)
agent.command("install")(install)
agent.command("status")(status)
agent.command("run")(run)
agent.command("uninstall")(uninstall)
