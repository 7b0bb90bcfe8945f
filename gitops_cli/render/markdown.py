"""A View as GitHub-flavoured Markdown, for pull requests and job summaries."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_cli.render.safe import for_markdown, markdown_link
from gitops_cli.render.view import Cell, Column, Line, Table, View, cell


def markdown(view: View) -> str:
    """Return the blocks: a Markdown table for each table, a paragraph for each line."""
    blocks = (
        "\n".join(_table(block)) if isinstance(block, Table) else _text(block)
        for block in view.blocks
    )
    legend = [for_markdown(view.legend)] if view.legend is not None else []
    return "\n\n".join([*blocks, *legend])


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
