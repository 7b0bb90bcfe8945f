"""A View as GitHub-flavoured Markdown, for pull requests and job summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from gitops_cli.render.safe import for_code, for_markdown, markdown_link
from gitops_cli.render.view import Cell, Column, Line, Table, View, cell

_BEFORE = "  "  # what sets a line off from those around it


def markdown(view: View) -> str:
    """Return the blocks: a table for each table, a paragraph for each line.

    Lines that are set off by blanks are a block of code, or of a diff, which is coloured.
    """
    blocks: list[str] = []
    for set_off, found in groupby(view.blocks, _is_set_off):
        if set_off:
            blocks.append(_fenced([block.text for block in found if isinstance(block, Line)]))
        else:
            blocks += ("\n".join(_table(b)) if isinstance(b, Table) else _text(b) for b in found)
    legend = [for_markdown(view.legend)] if view.legend is not None else []
    return "\n\n".join([*blocks, *legend])


def _is_set_off(block: Table | Line) -> bool:
    return isinstance(block, Line) and block.text.startswith(_BEFORE) and bool(block.text.strip())


def _fenced(texts: Sequence[str]) -> str:
    """Return lines as code: a list would show what is removed like what is new."""
    lines = [for_code(text.removeprefix(_BEFORE)) for text in texts]
    is_diff = all(line.startswith(("+ ", "- ")) for line in lines)
    language = "diff" if is_diff or lines[0].startswith("@@ ") else "text"
    ticks = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, ticks + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"### {for_markdown(table.title)}"
        yield ""
    yield _row(for_markdown(_heading(column)) for column in table.columns)
    yield _row(_rule(column) for column in table.columns)
    for row in table.rows:
        yield _row(_text(cell(value)) for value in row)


def _heading(column: Column) -> str:
    return f"{column.title} vs {column.versus}" if column.versus else column.title


def _rule(column: Column) -> str:
    return "--:" if column.right else "---"


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: Cell | Line) -> str:
    before, link, after = value.text.partition(value.link or "\n")
    if value.link is None or not link:
        return for_markdown(value.text)
    parts = (for_markdown(before), markdown_link(link), for_markdown(after))
    return " ".join(filter(None, parts))
