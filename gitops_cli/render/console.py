"""A View for people: aligned text, fitted into a terminal, without wrapping in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from gitops_cli.domain.text import inert, visible
from gitops_cli.render.layout import table_lines
from gitops_cli.render.view import Line, Style, Table, View, shown


def print_view(view: View, console: Console, *, wide: bool = False) -> None:
    """Write the view's blocks to the console."""
    for index, block in enumerate(view.blocks):
        if index and isinstance(block, Table) and block.title:
            console.print()
        if isinstance(block, Line):
            print_line(console, block.text, block.style)
        else:
            _print_table(shown(block, wide=wide), console)


def print_line(console: Console, text: str, style: Style = Style.PLAIN) -> None:
    """Write lines of text as they are: no markup, no wrapping, nothing from outside acts."""
    console.print(Text(inert(visible(text)), style=style.value), soft_wrap=True)


def _print_table(table: Table, console: Console) -> None:
    if table.title:
        print_line(console, table.title, Style.STRONG)
    for line in table_lines(table, console.width if console.is_terminal else None):
        console.print(line, soft_wrap=True)
