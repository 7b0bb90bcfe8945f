"""Write commands.md and man/gitops.1 from what `--help` says. Run by `make pictures`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from gitops_cli import __version__
from gitops_cli.cli.app import app, load
from gitops_cli.cli.command import PANEL
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.help_topics import VARIABLES

PAGE = Path(__file__).with_name("commands.md")
MAN = Path(__file__).with_name("man") / "gitops.1"


class Command(NamedTuple):
    """A command as its help shows it: how it is called, what it does, options, examples."""

    path: str
    usage: str
    text: str
    options: tuple[tuple[str, str], ...]
    examples: tuple[str, ...]


def commands() -> Iterator[Command]:
    """Yield every command that help lists, in its order, a group before what is in it."""
    root: Any = typer.main.get_command(app)
    for name in root.commands:
        if not root.commands[name].hidden:
            yield from _tree(load(name), f"gitops {name}")


def shared_options() -> tuple[tuple[str, str], ...]:
    """Return the options of every command."""
    return tuple(_options(load("version"), shared=True))


def _tree(command: Any, path: str) -> Iterator[Command]:
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    yield Command(path, usage, text, tuple(_options(command)), command.examples)
    for name, sub in getattr(command, "commands", {}).items():
        if not sub.hidden:
            yield from _tree(sub, f"{path} {name}")


def _options(command: Any, *, shared: bool = False) -> Iterator[tuple[str, str]]:
    context = command.make_context("gitops", [], resilient_parsing=True)
    for parameter in command.get_params(context):
        hidden = getattr(parameter, "hidden", False)
        is_shared = getattr(parameter, "rich_help_panel", None) == PANEL
        found = None if hidden or is_shared != shared else parameter.get_help_record(context)
        if found is not None and "--help" not in found[0]:
            yield " ".join(found[0].split()), " ".join(found[1].split())


def page() -> str:
    """Return the page: a section for each command."""
    lines = [
        "# Commands",
        "",
        "What `gitops COMMAND --help` says, of all of them. `man gitops` is the same.",
        "",
        "## Options of every command",
        "",
        *_table(shared_options()),
    ]
    for command in commands():
        lines += ["", f"## {command.path}", "", command.text, "", "```", command.usage, "```"]
        if command.options:
            lines += ["", *_table(command.options)]
        if command.examples:
            lines += ["", "```", *command.examples, "```"]
    return "\n".join([*lines, ""])


def _table(options: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    for name, meaning in options:
        yield f"| `{_cell(name)}` | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def man() -> str:
    """Return the page for `man`, in the macros of man(7)."""
    every = [*commands()]
    lines = [
        f'.TH GITOPS 1 "" "gitops {__version__}" "gitops"',
        *(".SH NAME", r"gitops \- versions of services: recorded in git, promoted, synced"),
        *(".SH SYNOPSIS", ".B gitops", "COMMAND [OPTIONS] [ARGUMENTS]"),
        *(".SH DESCRIPTION", *_paragraphs("\n\n".join((root_text(), _POINTER)))),
        *(".SH OPTIONS OF EVERY COMMAND", *_list(shared_options())),
        ".SH COMMANDS",
    ]
    for command in every:
        lines += [f'.SS "{_roff(command.usage)}"', *_paragraphs(command.text)]
        lines += _list(command.options)
        if command.examples:
            lines += [".PP", ".nf", ".RS", *map(_roff, command.examples), ".RE", ".fi"]
    lines += [".SH EXIT STATUS", *_list((str(int(c)), c.meaning) for c in ExitCode)]
    lines += [".SH ENVIRONMENT", *_list(VARIABLES.items())]
    lines += [".SH FILES", *_list(_FILES)]
    return "\n".join([*lines, ".SH SEE ALSO", r".BR git (1),", r".BR kubectl (1)", ""])


_POINTER = "`gitops help gitops.toml` and `gitops help config.toml` list the keys of both files."
_FILES = (
    ("gitops.toml", "what a team agreed, at the top of the state repository"),
    ("~/.config/gitops/config.toml", "your own settings and aliases"),
)


def root_text() -> str:
    """Return what `gitops --help` begins with."""
    root: Any = typer.main.get_command(app)
    return " ".join((root.help or "").split())


def _list(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, meaning in entries:
        yield from (".TP", f".B {_roff(name)}", _roff(meaning))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", _roff(paragraph))


def _roff(text: str) -> str:
    """Return text in which nothing is a macro or an escape, and hyphens can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    text = re.sub(r"[^\x00-\x7f]", lambda sign: rf"\[u{ord(sign[0]):04X}]", text)
    return re.sub(r"^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    MAN.parent.mkdir(exist_ok=True)
    MAN.write_text(man(), encoding="utf-8")
