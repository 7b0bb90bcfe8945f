"""The parser's commands and groups: help that is whole and has examples, and near names.

The examples of a command stand in its docstring, under `Examples:`, one command line each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

_HEADING = "Examples:"
# What others call it.
_KNOWN_AS = {
    "apply": "sync",
    "blame": "history",
    "check": "validate",
    "deploy": "set",
    "get": "status",
    "import": "capture",
    "plan": "diff",
    "revert": "rollback",
    "show": "status",
    "undo": "rollback",
}


def split_examples(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a help text without its examples, and the examples."""
    before, heading, after = text.partition(f"\n\n{_HEADING}\n")
    return (before, tuple(line.strip() for line in after.splitlines())) if heading else (text, ())


class _WithExamples:
    """Takes the examples out of a help text and writes them at its end."""

    examples: tuple[str, ...] = ()
    help: str | None
    rich_markup_mode: Any

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.help, self.examples = split_examples(self.help or "")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)  # type: ignore[misc]  # the command's, beside it
        _write_examples(self.examples, formatter, rich=self.rich_markup_mode is not None)


class Command(_WithExamples, TyperCommand):
    """A command whose help ends with examples."""


class Group(_WithExamples, TyperGroup):
    """A group whose list of commands is whole in a pipe too."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list for a pipe: by panels as on a terminal, no line cut."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                line = (command.help or "").partition("\n")[0]
                panels.setdefault(command.rich_help_panel or "Commands", []).append((name, line))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the named command; a name that is none is told with the nearest ones."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        from gitops_cli.cli.usage import no_command  # only who mistypes needs it

        raise no_command(name, ctx.command_path, self.shown(ctx), _KNOWN_AS)

    def shown(self, ctx: Any) -> Iterable[str]:
        """Return the names of the commands that help lists."""
        every = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        return [name for name, command in every if command is not None and not command.hidden]


def _write_examples(examples: tuple[str, ...], formatter: Any, *, rich: bool) -> None:
    if not examples:
        return
    if rich:
        from gitops_cli.render.console import print_examples  # help on a terminal has Rich anyway

        print_examples(examples)
        return
    with formatter.section("Examples"):
        formatter.write("".join(f"  {example}\n" for example in examples))
