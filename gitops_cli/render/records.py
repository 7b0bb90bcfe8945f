"""A View as a list of its things, for spreadsheets and for loops of a shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitops_cli.render.safe import for_sheet, for_terminal
from gitops_cli.render.view import Records, Table, View, cell

_BETWEEN = "; "  # the values of a list


def names(view: View) -> Iterator[str]:
    """Yield the name of each thing, once."""
    if view.records is None:
        found = (row[0] for row in _cells(view))
    else:
        named = view.records.name
        found = (named.format_map(row).strip("/.:") for row in _rows(view, view.records))
    yield from dict.fromkeys(for_terminal(" ".join(name.split())) for name in found)


def csv_lines(view: View) -> tuple[str, str]:
    """Return the line of titles and those of the things, as RFC 4180 has them.

    What a spreadsheet would take for a formula has a `'` before it.
    """
    import csv  # one format's
    import io

    def text(rows: Iterable[Iterable[str]]) -> str:
        file = io.StringIO()
        csv.writer(file).writerows(rows)  # CRLF, as the RFC wants it
        return file.getvalue()

    if view.records is None:
        return text([_titles(view)]), text([list(map(for_sheet, row)) for row in _cells(view)])
    rows = [list(map(for_sheet, row.values())) for row in _rows(view, view.records)]
    return text([[title for title, _ in _columns(view.records)]]), text(rows)


def _columns(records: Records) -> list[tuple[str, list[str]]]:
    """Return the titles, each with the keys that lead to its value."""
    parts = (column.rpartition("=") for column in records.columns.split())
    return [(title or path, path.split(".")) for title, _, path in parts]


def _rows(view: View, records: Records) -> Iterator[dict[str, str]]:
    columns = _columns(records)
    for levels in _things([view.document], records.path.split(".") if records.path else []):
        yield {title: _text(_value(levels, keys)) for title, keys in columns}


def _things(
    levels: Sequence[Mapping[str, Any]], path: Sequence[str]
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield each thing with what it lies in, the innermost first."""
    if not path:
        yield levels
        return
    found = levels[0].get(path[0]) or ()
    for entry in [found] if isinstance(found, Mapping) else found:
        thing = entry if isinstance(entry, Mapping) else {"value": entry}
        yield from _things([thing, *levels], path[1:])


def _value(levels: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Any:
    value: Any = next((level for level in levels if keys[0] in level), {})
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list):
            value = [each.get(key) for each in value if isinstance(each, Mapping)]
        else:
            return None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return _BETWEEN.join(map(_text, value))
    return str(value)


def _titles(view: View) -> list[str]:
    table = _table(view)
    return [column.title.replace(" ", "_") for column in table.columns] if table else ["text"]


def _cells(view: View) -> Iterator[list[str]]:
    """Yield the rows of the first table, and of those that have its columns."""
    first = _table(view)
    for block in view.blocks:
        if first is None:
            yield [block.text] if not isinstance(block, Table) else []
        elif isinstance(block, Table) and list(block.columns) == list(first.columns):
            yield from ([cell(value).text for value in row] for row in block.rows)


def _table(view: View) -> Table | None:
    return next((block for block in view.blocks if isinstance(block, Table)), None)
