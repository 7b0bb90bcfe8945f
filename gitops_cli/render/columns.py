"""Some columns of a view's tables, in the order in which somebody wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitops_cli.render.view import Column, Table, View


def titles(view: View) -> list[str]:
    """Return the names of the columns of all tables, also of those that `-o wide` shows."""
    tables = (block for block in view.blocks if isinstance(block, Table))
    return list(dict.fromkeys(_name(column) for table in tables for column in table.columns))


def with_columns(view: View, names: Sequence[str]) -> View:
    """Return the view with these columns only; a table that has none of them is left out.

    What stands several times in a table, as `by` of each stage, is shown of those that are.
    """
    blocks = (_chosen(b, names) if isinstance(b, Table) else b for b in view.blocks)
    return view._replace(blocks=tuple(block for block in blocks if block is not None))


def _chosen(table: Table, names: Sequence[str]) -> Table | None:
    found = list(_indices([_name(column) for column in table.columns], names))
    if not found:
        return None
    columns = [table.columns[index]._replace(wide=False) for index in found]
    return Table(columns, ([row[index] for index in found] for row in table.rows), table.title)


def _indices(known: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
    own = [name for name in wanted if known.count(name) == 1]
    if not own:
        yield from (index for index, name in enumerate(known) if name in wanted)
    for index in map(known.index, own):
        yield index
        for following in range(index + 1, len(known)):
            if known.count(known[following]) == 1:
                break
            if known[following] in wanted:
                yield following


def _name(column: Column) -> str:
    """Return a title as it is typed, without how it stands now, such as `(frozen)`."""
    return column.title.lower().partition(" (")[0].replace(" ", "-")
