"""A View for a pipe: lines as they are and aligned columns, without wrapping, without Rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitops_cli.render.safe import for_cell, for_terminal
from gitops_cli.render.view import Line, Table, View, cell, shown


def plain_view(view: View, *, wide: bool = False) -> Iterator[str]:
    """Yield the lines of the view's blocks."""
    for index, block in enumerate(view.blocks):
        if isinstance(block, Line):
            yield for_terminal(block.text)
            continue
        if block.title:
            if index:
                yield ""
            yield for_terminal(block.title)
        yield from _aligned(shown(block, wide=wide))


def _aligned(table: Table) -> Iterator[str]:
    titles = [for_cell(column.heading) for column in table.columns]
    texts = [titles, *([for_cell(cell(value).text) for value in row] for row in table.rows)]
    widths = [max(map(_width, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        yield "".join(_padded(row, widths, table)).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int], table: Table) -> Iterator[str]:
    for text, width, column in zip(row, widths, table.columns, strict=True):
        blank = " " * (width - _width(text))
        yield f"{blank}{text}  " if column.right else f"{text}{blank}  "


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # the tables of Unicode, hardly ever needed

    return cell_len(text)
