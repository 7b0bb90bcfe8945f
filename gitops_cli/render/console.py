"""A View for people on a terminal: aligned text, fitted into it, and Rich's colours."""

from __future__ import annotations

import os
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from gitops_cli.render.layout import table_lines
from gitops_cli.render.safe import for_terminal, is_address
from gitops_cli.render.view import Flow, Line, Style, View, shown
from gitops_cli.render.wrapping import wrapped


def print_examples(examples: Iterable[str]) -> None:
    """Write a command's examples below its help; what follows `  #` explains."""
    console = Console(highlight=False)
    console.print(Text(" Examples", style=Style.STRONG.value))
    for example in examples:
        line, mark, comment = example.partition("  #")
        shown = Text.assemble("  ", line, (f"{mark}{comment}", Style.DIM.value))
        console.print(shown, soft_wrap=True)
    console.print()


def print_view(view: View, console: Console, *, wide: bool = False) -> None:
    """Write the view's blocks to the console."""
    for index, block in enumerate(view.blocks):
        if isinstance(block, Line) and block.flow is Flow.WRAP and block.link is None:
            _print_wrapped(console, block)
            continue
        if isinstance(block, Line):
            print_line(console, block.text, block.style, block.link)
            continue
        if block.title:
            if index:
                console.print()
            _print_wrapped(console, Line(block.title, Style.STRONG))
        for line in table_lines(shown(block, wide=wide), console.width):
            console.print(line, soft_wrap=True)
    if view.legend is not None:
        console.print(Text(for_terminal(view.legend), style=Style.DIM.value))


def print_line(
    console: Console, text: str, style: Style = Style.PLAIN, link: str | None = None
) -> None:
    """Write lines of text as they are: no markup, no wrapping, nothing from outside acts.

    A link of ours in it can be followed where the terminal knows how (OSC 8).
    """
    shown = Text(for_terminal(text), style=style.value)
    if link is not None and is_address(link) and _takes_links(console):
        at = shown.plain.find(link)
        if at >= 0:
            shown.stylize(f"link {link}", at, at + len(link))
    console.print(shown, soft_wrap=True)


def _print_wrapped(console: Console, line: Line) -> None:
    """Write a line on as many as it needs, broken at words, all but the first indented."""
    for part in wrapped(for_terminal(line.text), console.width):
        console.print(Text(part, style=line.style.value), soft_wrap=True)


def _takes_links(console: Console) -> bool:
    """Tell whether a terminal is there that follows them, or at least does not show how."""
    return console.file.isatty() and os.environ.get("TERM") not in ("linux", "dumb")
