"""What a command shows, before anybody decided how: one document, and tables and lines for people.

Every feature's `render/<feature>.py` makes a View from its result. The generic renderers
(`console`, `document`, `markdown`, `records`) show any View, so each command has all formats.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum, StrEnum, auto
from typing import Any

from gitops_cli.domain.values import NamedTuple


class Style(StrEnum):
    """What a text means; the console chooses the colour."""

    PLAIN = ""
    GOOD = "green"
    WARN = "yellow"
    BAD = "red"
    INFO = "cyan"
    DIM = "dim"
    STRONG = "bold"


_URGENT = (Style.BAD, Style.WARN, Style.INFO)


def urgency(styles: Collection[Style]) -> int:
    """Return how early something with these styles comes: red, then yellow, then cyan, the rest."""
    return next((rank for rank, style in enumerate(_URGENT) if style in styles), len(_URGENT))


class Cell(NamedTuple):
    """A piece of text in a table. It may come from elsewhere: renderers make it visible."""

    text: str
    style: Style = Style.PLAIN
    link: str | None = None
    """An address of ours in the text, to be followed where the format knows links."""


class Flow(Enum):
    """What a column does where the table is too wide for a terminal."""

    KEEP = auto()
    WRAP = auto()
    """Wraps at words."""
    PROSE = auto()
    """Wraps too while it is wide enough to be read; else it goes below its row."""
    BRIEF = auto()
    """As prose, on two lines at most, in its column or below its row: -o wide has the rest."""
    PAIR = auto()
    """Takes two lines; where that is not enough, the table goes on below with its other columns."""


class Column(NamedTuple):
    """A column's title; `wide` ones show with `-o wide` only, `right` aligns numbers."""

    title: str
    wide: bool = False
    right: bool = False
    flow: Flow = Flow.KEEP
    versus: str | None = None
    """What its cells are compared with."""

    @property
    def heading(self) -> str:
        """Return what stands above it on a terminal and in a pipe."""
        versus = f" vs {self.versus.upper()}" if self.versus else ""
        return self.title.upper() + versus


class Table(NamedTuple):
    """Rows under titles. A row has one cell per column; a plain str is an unstyled cell.

    Rows are read once, and not at all for a document: they may be made while they are read.
    """

    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell | str]]
    title: str | None = None


class Line(NamedTuple):
    """One line of text on stdout. One with a link is broken by nobody but the terminal."""

    text: str
    style: Style = Style.PLAIN
    link: str | None = None
    """As a cell's."""
    flow: Flow = Flow.WRAP
    """WRAP: at words, where a terminal is too narrow; KEEP: as it is, to be copied, or not ours."""


def verbatim(text: str, style: Style = Style.PLAIN) -> Line:
    """Return a line that is copied as it is, or that is not ours: a command, a program's output."""
    return Line(text, style, flow=Flow.KEEP)


class Records(NamedTuple):
    """Which things a document is about: `-o csv` has a row of each, `-o name` a name.

    `path` leads to them through the document's lists, such as `projects.services.environments`;
    empty: the document is the one thing. `columns` are keys, `key.of.key` or `title=key`, blanks
    between; a key that a thing lacks is that of what it lies in. `name` is made of columns:
    `{environment}/{service}`.
    """

    path: str
    columns: str
    name: str


class View(NamedTuple):
    """A result: `kind` and `document` for machines, `blocks` for people.

    `document` holds JSON values only; times as ISO 8601 with zone, hashes in full. A list at its
    top may be an iterator, which is read once: its things are made while they are written.
    `legend` says how the blocks are read: people need it, and what reads a pipe does not. `records`
    None: what the first table shows are the things. `page` makes a page of HTML of its own; None:
    the blocks.
    """

    kind: str
    document: Mapping[str, Any]
    blocks: Sequence[Table | Line] = ()
    legend: str | None = None
    records: Records | None = None
    page: Callable[[], str] | None = None


def cell(value: Cell | str) -> Cell:
    """Return a row's entry as a cell."""
    return value if isinstance(value, Cell) else Cell(value)


def shown(table: Table, *, wide: bool) -> Table:
    """Return the table with the columns that this width has, and whole sentences if it is wide."""
    if wide:
        columns = [
            c._replace(flow=Flow.PROSE) if c.flow is Flow.BRIEF else c for c in table.columns
        ]
        return table._replace(columns=columns)
    if not any(column.wide for column in table.columns):
        return table
    keep = [i for i, column in enumerate(table.columns) if not column.wide]
    return Table(
        [table.columns[i] for i in keep],
        [[row[i] for i in keep] for row in table.rows],
        table.title,
    )
