"""A View for people on a terminal: aligned text, fitted into it, and Rich's colours."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from gitops_cli.render.layout import table_lines
from gitops_cli.render.safe import for_terminal
from gitops_cli.render.view import Line, Style, View, shown


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
        if isinstance(block, Line):
            print_line(console, block.text, block.style)
            continue
        if block.title:
            if index:
                console.print()
            print_line(console, block.title, Style.STRONG)
        for line in table_lines(shown(block, wide=wide), console.width):
            console.print(line, soft_wrap=True)
    if view.legend is not None:
        console.print(Text(for_terminal(view.legend), style=Style.DIM.value))


def print_line(console: Console, text: str, style: Style = Style.PLAIN) -> None:
    """Write lines of text as they are: no markup, no wrapping, nothing from outside acts."""
    console.print(Text(for_terminal(text), style=style.value), soft_wrap=True)
