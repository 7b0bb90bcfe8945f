"""The live difference: a picture for a terminal, a line or document per change elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from gitops_cli.domain.cluster.comparison import Diff, Row, State
from gitops_cli.domain.text import one_line, spoken
from gitops_cli.render.diff import (
    RECORDS,
    STYLES,
    environment_blocks,
    row_document,
    running_text,
    summary_line,
    version,
)
from gitops_cli.render.layout import table_lines
from gitops_cli.render.view import Cell, Line, Style, Table, View, cell, shown

MARK = "● "


def picture(
    diff: Diff, marked: Collection[Row], note: str, width: int, *, wide: bool = False
) -> RenderableType:
    """Return all environments, fitted into a terminal; marked rows changed just now."""
    parts: list[RenderableType] = []
    keys = {(row.environment, row.service, row.container) for row in marked}
    for comparison in diff.environments:
        for block in environment_blocks(comparison, diff.contexts.get(comparison.environment)):
            if isinstance(block, Line):
                parts.append(Text(one_line(block.text), style=block.style.value))
                continue
            flags = [(r.environment, r.service, r.container) in keys for r in comparison.rows]
            table = shown(_with_marks(block, flags), wide=wide)
            parts.append(Text(one_line(table.title or ""), style="bold"))
            parts += table_lines(table, width)
        parts += [Text(one_line(p.message), style="red") for p in comparison.problems]
    parts.append(Text(f"{summary_line(diff)} · {note}", style="dim"))
    return Group(*parts)


def _with_marks(table: Table, flags: list[bool]) -> Table:
    rows = [_marked(row, flag) for row, flag in zip(table.rows, flags, strict=True)]
    return Table(table.columns, rows, table.title)


def _marked(row: Sequence[Cell | str], flag: bool) -> Sequence[Cell | str]:
    first, *rest = row
    style = Style.STRONG if flag else Style.PLAIN
    return [Cell((MARK if flag else "  ") + cell(first).text, style), *rest]


def change_view(row: Row, context: str | None, *, gone: bool = False) -> View:
    """Return one change, for streams of documents and lines; a row that is gone, as it was."""
    reason = f": {one_line(row.reason)}" if row.reason else ""
    text = (
        f"{row.environment} {row.service} git {version(row.wanted) or '-'} workload "
        f"{version(row.recorded, row.wanted) or '-'} running "
        f"{running_text(row.running, row.wanted) or '-'} {spoken(row.state)}{reason}"
    )
    if gone:
        text = f"{row.environment} {row.service} is gone"
    style = STYLES[row.state] if row.state is not State.IN_SYNC else Style.PLAIN
    document = {
        "environment": row.environment,
        "context": context,
        "gone": gone,
        "row": row_document(row, context),
    }
    columns = RECORDS.columns.replace("environment=name", "environment")
    records = RECORDS._replace(path="row", columns=columns)  # the lines go on below those of diff
    return View("watch", document, (Line(text, style),), records=records)
