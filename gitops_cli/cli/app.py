"""The root command, and the table of all commands.

A command's module is imported when the command is called, not when gitops starts: see
docs/decisions/0006-commands-load-when-called.md. What `gitops --help` shows is therefore here.
"""

# Annotations are evaluated here, once: of text, Typer would do it four times at each start.

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from gitops_cli import __version__
from gitops_cli.cli.parsing import Command, Group
from gitops_cli.cli.streams import take_loss

# The panels of `gitops --help`, in the order of a newcomer's day.
SETUP = "Set up"
CHANGE = "Change what should run"
LOOK = "Look"
CLUSTER = "Make the cluster follow"
OWN = "Your aliases"

# name: (module below gitops_cli and its function or Typer, panel or None if hidden, help).
# The help is the first line of the function's docstring; tests/cli/test_app.py holds them equal.
COMMANDS: dict[str, tuple[str, str | None, str]] = {
    "demo": (
        "sandbox.cli.demo:demo",
        SETUP,
        "Show promote, diff, sync, a failing rollout and a rollback: real commands, step by step.",
    ),
    "sandbox": (
        "sandbox.cli.group:sandbox",
        SETUP,
        "A practice ground: a state repository, sources and an emulated cluster on this machine.",
    ),
    "init": ("cli.commands.init:init", SETUP, "Make a state repository."),
    "env": (
        "cli.commands.env:env",
        SETUP,
        "List, show, add, copy, rename and remove environments.",
    ),
    "set": (
        "cli.commands.set:set_versions",
        CHANGE,
        "Record the versions that an environment should run.",
    ),
    "release": (
        "cli.commands.release:release",
        CHANGE,
        "The whole CI step: build HEAD, push the image, check it, and record its hash.",
    ),
    "promote": (
        "cli.commands.promote:promote",
        CHANGE,
        "Copy versions from one stage to the next, as one commit.",
    ),
    "rollback": (
        "cli.commands.rollback:rollback",
        CHANGE,
        "Go back to versions that ran before, as a new commit.",
    ),
    "remove": (
        "cli.commands.remove:remove",
        CHANGE,
        "Take services out of an environment's record.",
    ),
    "rename": (
        "cli.commands.rename:rename",
        CHANGE,
        "Give a service another name in the record of its environments.",
    ),
    "approve": (
        "cli.commands.approve:approve",
        CHANGE,
        "Say yes to versions before somebody else records them.",
    ),
    "pr": (
        "cli.commands.pr:pr",
        CHANGE,
        "List, follow, comment, merge and close the pull or merge requests of proposals.",
    ),
    "lock": (
        "cli.commands.lock:lock",
        CHANGE,
        "Hold the recorded version: writers are refused until it is unlocked.",
    ),
    "unlock": (
        "cli.commands.lock:unlock",
        CHANGE,
        "Take a lock away, so that versions can be recorded again.",
    ),
    "status": (
        "cli.commands.status:status",
        LOOK,
        "Show what is recorded where: services × stages.",
    ),
    "history": (
        "cli.commands.history:history",
        LOOK,
        "Show who recorded or locked what, when and why, and how long it lived.",
    ),
    "log": (
        "cli.commands.history:history",
        None,
        "Show who recorded or locked what, when and why, and how long it lived.",
    ),
    "report": (
        "report.cli.report:report",
        LOOK,
        "Show what was delivered: how often, how fast, how often it failed, and what waits.",
    ),
    "browse": ("cli.commands.browse:browse", LOOK, "Open the page of a forge that shows it."),
    "diff": (
        "cli.commands.diff:diff",
        CLUSTER,
        "Compare what git records with what the live clusters run.",
    ),
    "sync": ("cli.commands.sync:sync", CLUSTER, "Make the live clusters follow what git records."),
    "wait": (
        "cli.commands.wait:wait",
        CLUSTER,
        "Return when the cluster has reached a state commit or a later one.",
    ),
    "logs": ("cli.commands.logs:logs", CLUSTER, "Show the log of the container that matters."),
    "exec": (
        "cli.commands.exec:exec_",
        CLUSTER,
        "Run a command, or a shell, in the container that matters.",
    ),
    "restore": (
        "cli.commands.restore:restore",
        CLUSTER,
        "Bring environments back from the repository alone.",
    ),
    "capture": (
        "cli.commands.capture:capture",
        CLUSTER,
        "Record the versions that a running namespace has: adopt an existing cluster.",
    ),
    "watch": (
        "cli.commands.watch:watch",
        CLUSTER,
        "Show the difference between git and the live clusters as it changes.",
    ),
    "agent": (
        "agent.cli.group:agent",
        CLUSTER,
        "A process in the cluster that follows the state repository by itself.",
    ),
    "metrics": (
        "agent.cli.metrics:metrics",
        CLUSTER,
        "Print Prometheus metrics of environments: last success, lag behind git, drift.",
    ),
    "trust": (
        "cli.commands.trust:trust",
        SETUP,
        "Let the steps and checks of this repository run on this machine, exactly as they are now.",
    ),
    "validate": (
        "cli.commands.validate:validate",
        LOOK,
        "Find what is wrong: versions, paths, locks, manifests, gitops.toml. Exit 1 on errors.",
    ),
    "lint": (
        "cli.commands.validate:validate",
        None,
        "Find what is wrong: versions, paths, locks, manifests, gitops.toml. Exit 1 on errors.",
    ),
    "config": (
        "cli.commands.config:config",
        SETUP,
        "Show what is configured, and change your own config.",
    ),
    "doctor": (
        "cli.commands.doctor:doctor",
        SETUP,
        "Check git, the remote, rights, sources, registries, clusters, agents and clocks.",
    ),
    "help": (
        "cli.commands.help:help_",
        SETUP,
        "Explain exit codes, environment variables, output formats or settings.",
    ),
    "version": ("cli.commands.help:version", SETUP, "Show the versions of gitops, Python and git."),
}


# Panels and boxes are for people; a pipe gets plain help and plain usage errors.
MARKUP: Literal["rich"] | None = (
    "rich" if all(s is not None and s.isatty() for s in (sys.stdout, sys.stderr)) else None
)


class Commands(Group):
    """The table as a group: listing needs the table only, calling a command loads it."""

    def __init__(self, **given: Any) -> None:
        # Not by app.command, which examines a function for each: half of the time this group takes.
        entries = {name: _entry(name, *COMMANDS[name][1:]) for name in COMMANDS}
        super().__init__(**{**given, "commands": entries})

    def main(self, args: Sequence[str] | None = None, *rest: Any, **given: Any) -> Any:
        """Run, and end the process; what is refused before a command begins is told like all."""
        arguments = sys.argv[1:] if args is None else args
        failure: Exception | None = None
        code = 0
        try:
            code = super().main(arguments, *rest, **{**given, "standalone_mode": False}) or 0
            failure = take_loss(sys.stdout) if code == 0 else None
        except Exception as error:  # noqa: BLE001 - nothing may end with Python's 1
            failure = error
        if failure is not None:
            from gitops_cli.cli.usage import tell_early

            code = tell_early(failure, arguments)
        sys.exit(code)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the called command itself; its entry stood in for it so far."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = self._without_alias(ctx, args)
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry if entry is None else load(entry.name or ""), rest

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names that can be typed, the user's own too: for help and completion."""
        return [*super().list_commands(ctx), *self._aliases()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or what stands for an alias in the list of commands."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in (mine := self._aliases()):
            return _entry(cmd_name, OWN, f"gitops {mine[cmd_name]}")
        return found

    def _aliases(self) -> Mapping[str, str]:
        from gitops_cli.cli.aliases import shown  # help, completion and slips only

        return shown(self.commands)

    def _without_alias(self, ctx: Any, args: list[str]) -> list[str]:
        from gitops_cli.cli.aliases import expanded

        return expanded(args, self.commands, strict=not ctx.resilient_parsing)


def _entry(name: str, panel: str | None, line: str) -> Command:
    """Return what stands for a command in the list of commands."""
    return Command(name, help=line, rich_help_panel=panel, hidden=panel is None)


def load(name: str) -> Any:
    """Import a command's module and return the command."""
    place, _, _ = COMMANDS[name]
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"gitops_cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    for info in found.registered_commands:
        info.cls = Command if info.cls in (None, TyperCommand) else info.cls
    found.info.name, found.info.cls = name, Group
    found.rich_markup_mode = MARKUP
    return typer.main.get_command(found)


app = typer.Typer(
    name="gitops",
    cls=Commands,
    rich_markup_mode=MARKUP,
    help="""Record, promote, diff and sync the versions of your services: git and a kubeconfig.

    Examples:
    gitops demo  # everything at once, on this machine
    gitops status
    gitops promote --from staging --to production
    gitops diff shop-production
    """,
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
    directory: Annotated[
        str | None, typer.Option("-C", metavar="PATH", help="Work as if started there.")
    ] = None,
    repo: Annotated[str | None, typer.Option("--repo", "-R", hidden=True)] = None,
    offline: Annotated[bool, typer.Option("--offline", hidden=True)] = False,
    output: Annotated[str | None, typer.Option("--output", "-o", hidden=True)] = None,
    query: Annotated[str | None, typer.Option("--query", hidden=True)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", hidden=True)] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, hidden=True)] = 0,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Record, promote, diff and sync the versions of your services: git and a kubeconfig."""
