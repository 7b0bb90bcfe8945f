"""A View as GitHub-flavoured Markdown, for pull requests and job summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitops_cli.domain.text import one_line
from gitops_cli.render.view import Column, Table, View, cell

# Whatever would begin markup, a link, a mention or a cell; text from elsewhere must not act.
_SPECIAL = r"([\\`*_{}\[\]<>|~#@!]|^:(?=:))"


def markdown(view: View) -> str:
    """Return the blocks: a Markdown table for each table, a paragraph for each line."""
    blocks = (
        "\n".join(_table(block)) if isinstance(block, Table) else escape(block.text)
        for block in view.blocks
    )
    return "\n\n".join(blocks)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"### {escape(table.title)}"
        yield ""
    yield _row(escape(column.title) for column in table.columns)
    yield _row(_rule(column) for column in table.columns)
    for row in table.rows:
        yield _row(escape(cell(value).text) for value in row)


def _rule(column: Column) -> str:
    return "--:" if column.right else "---"


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(_SPECIAL, r"\\\1", one_line(text))
