"""A View for people: Rich tables on a terminal, aligned text without wrapping in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gitops_cli.domain.text import inert, one_line, visible
from gitops_cli.render.view import Cell, Line, Style, Table, View, cell, shown

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def print_view(view: View, console: Console, *, wide: bool = False) -> None:
    """Write the view's blocks to the console."""
    for index, block in enumerate(view.blocks):
        if index and isinstance(block, Table) and block.title:
            console.print()
        if isinstance(block, Line):
            print_line(console, block.text, block.style)
        elif console.is_terminal and not console.legacy_windows:
            _print_rich(shown(block, wide=wide), console)
        else:
            _print_plain(shown(block, wide=wide), console)


def print_line(console: Console, text: str, style: Style = Style.PLAIN) -> None:
    """Write lines of text as they are: no markup, no wrapping, nothing from outside acts."""
    console.print(Text(inert(visible(text)), style=style.value), soft_wrap=True)


def _print_rich(table: Table, console: Console) -> None:
    if table.title:
        print_line(console, table.title, Style.STRONG)
    console.print(rich_table(table))


def rich_table(table: Table) -> RichTable:
    """Return a table for a terminal, without its title."""
    from rich.table import Table as RichTable  # a pipe does not need it

    grid = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        grid.add_column(
            column.title.upper(), justify="right" if column.right else "left", overflow="fold"
        )
    for row in table.rows:
        grid.add_row(*(_text(cell(value)) for value in row))
    return grid


def _print_plain(table: Table, console: Console) -> None:
    if table.title:
        print_line(console, table.title, Style.STRONG)
    for line in _aligned(table):
        console.print(line, soft_wrap=True)


def _aligned(table: Table) -> Iterator[Text]:
    header = [Cell(column.title.upper(), Style.DIM) for column in table.columns]
    rows = [header, *([cell(value) for value in row] for row in table.rows)]
    texts = [[_text(value) for value in row] for row in rows]
    widths = [max(text.cell_len for text in column) for column in zip(*texts, strict=True)]
    for row in texts:
        line = Text()
        for i, (text, width, column) in enumerate(zip(row, widths, table.columns, strict=True)):
            blank = " " * (width - text.cell_len)
            last = i == len(row) - 1
            line.append(blank if column.right else "")
            line.append_text(text)
            line.append("" if last else ("" if column.right else blank) + "  ")
        line.rstrip()
        yield line


def _text(value: Cell) -> Text:
    # An empty cell would shift the columns for a reader that splits at white space.
    return Text(inert(one_line(value.text)) or "-", style=value.style.value)
