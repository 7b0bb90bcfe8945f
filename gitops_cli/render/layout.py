"""How a table fits a terminal: columns that wrap at words, else rows that go on at a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from gitops_cli.render.safe import for_cell
from gitops_cli.render.view import Cell, Column, Flow, Style, Table, cell
from gitops_cli.render.wrapping import words

GAP = 2
INDENT = 4
_PROSE = 24  # cells; a sentence in a narrower column is hard to read
_SENTENCES = (Flow.PROSE, Flow.BRIEF)
_BRIEF = 2  # lines


class _Grid(NamedTuple):
    """A table's texts, the titles first, and the width of each column in cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]
    widths: Sequence[int]


def table_lines(table: Table, width: int | None) -> Iterator[Text]:
    """Yield a table without its title, line by line, fitted into `width` cells if that is given.

    Nothing is left out and no word is broken: only a line of one word can be wider.
    """
    header = [Cell(column.heading, Style.DIM) for column in table.columns]
    rows = [header, *([cell(value) for value in row] for row in table.rows)]
    texts = [[_text(value) for value in row] for row in rows]
    widths = [max(text.cell_len for text in column) for column in zip(*texts, strict=True)]
    grid = _Grid(table.columns, texts, widths)
    if width is None or _total(widths) <= width:
        yield from map(_joined, _padded_rows(grid))
        return
    narrow = _narrowed(grid, width)
    if narrow is not None:
        yield from _wrapped(grid._replace(widths=narrow), width)
    elif (pieces := _pieces(grid, width)) is not None:
        for number, piece in enumerate(pieces):
            if number:
                yield Text("")
            yield from _wrapped(piece, width)
    else:
        capped = _capped(grid, width)
        cut = _cut(capped, width)
        yield from _continued(capped, width) if cut is None else _folded(capped, cut, width)


def _text(value: Cell) -> Text:
    return Text(for_cell(value.text), style=value.style.value)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _longest_word(text: Text) -> int:
    return max((cell_len(word) for word in words(text.plain)), default=0)


def _padded_rows(grid: _Grid) -> Iterator[list[Text]]:
    for row in grid.rows:
        yield [_padded(*each) for each in zip(row, grid.widths, grid.columns, strict=True)]


def _padded(text: Text, width: int, column: Column) -> Text:
    blank = " " * (width - text.cell_len)
    return Text.assemble(blank, text) if column.right else Text.assemble(text, blank)


def _joined(cells: Sequence[Text]) -> Text:
    line = Text(" " * GAP).join(cells)
    line.rstrip()
    return line


def _lines_of(text: Text, width: int) -> list[Text]:
    """Return the words on as few lines as they fit; a wider word is the terminal's to wrap."""
    lines: list[str] = [""]
    for word in words(text.plain):
        longer = f"{lines[-1]} {word}".lstrip()
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [Text(line, style=text.style) for line in lines]


def _in_two(text: Text, width: int) -> list[Text]:
    """Return what is wider on two lines, with as much as fits on the second one.

    So the first word, which names the thing, stands alone rather than the last.
    """
    cuts = _cuts(text)
    if text.cell_len <= width or not cuts:
        return [text]
    lines = next((cut for cut in cuts if cell_len(cut[1]) <= width), cuts[-1])
    return [Text(line, style=text.style) for line in lines]


def _least_in_two(text: Text) -> int:
    return min((max(map(cell_len, cut)) for cut in _cuts(text)), default=text.cell_len)


def _cuts(text: Text) -> list[tuple[str, str]]:
    words = text.plain.split()
    return [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]


def _least(grid: _Grid, i: int) -> int:
    match grid.columns[i].flow:
        case Flow.WRAP:
            return max(_longest_word(row[i]) for row in grid.rows)
        case Flow.PROSE | Flow.BRIEF:
            return min(grid.widths[i], _PROSE)
        case Flow.PAIR:
            return max(_least_in_two(row[i]) for row in grid.rows)
        case Flow.KEEP:
            return grid.widths[i]


def _pieces(grid: _Grid, width: int) -> list[_Grid] | None:
    """Return the grid in parts that fit, each with the first column; None if it cannot be cut."""
    if not any(column.flow is Flow.PAIR for column in grid.columns):
        return None
    least = [_least(grid, i) for i in range(len(grid.columns))]
    parts: list[list[int]] = [[0]]
    for i in range(1, len(least)):
        if _total([least[k] for k in (*parts[-1], i)]) > width and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(i)
    found = []
    for part in parts:
        piece = _Grid(
            [grid.columns[i] for i in part],
            [[row[i] for i in part] for row in grid.rows],
            [grid.widths[i] for i in part],
        )
        narrow = _narrowed(piece, width)
        if narrow is None:
            return None
        found.append(piece._replace(widths=narrow))
    return found


def _narrowed(grid: _Grid, width: int) -> list[int] | None:
    """Return widths that fit, the widest flowing column giving way first; None: there are none."""
    widths = list(grid.widths)
    least = [_least(grid, i) for i in range(len(widths))]
    if _total(least) > width:
        return None
    while _total(widths) > width:
        giving = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[giving] -= 1
    return widths


def _wrapped(grid: _Grid, width: int) -> Iterator[Text]:
    """Yield rows as high as their highest cell; a cell with a word too wide goes below its row."""
    for row in grid.rows:
        fitting = [
            text if _fits(text, wide, column) else Text("")
            for text, wide, column in zip(row, grid.widths, grid.columns, strict=True)
        ]
        cells = [
            _in_two(text, wide) if column.flow is Flow.PAIR else _lines_of(text, wide)
            for text, wide, column in zip(fitting, grid.widths, grid.columns, strict=True)
        ]
        height = max(map(len, cells))
        lines = [
            [lines[i] if i < len(lines) else Text("") for lines in cells] for i in range(height)
        ]
        yield from map(_joined, _padded_rows(grid._replace(rows=lines)))
        for text, shown, column in zip(row, fitting, grid.columns, strict=True):
            if shown is not text:
                yield from _below(text, width, column)


def _fits(text: Text, width: int, column: Column) -> bool:
    """Tell whether a text may stand in its column."""
    is_brief = column.flow is Flow.BRIEF
    return _longest_word(text) <= width and not (is_brief and len(_lines_of(text, width)) > _BRIEF)


def _below(text: Text, width: int, column: Column) -> Iterator[Text]:
    for line in _sentence(text, width - INDENT, column.flow):
        yield Text.assemble(" " * INDENT, line)


def _sentence(text: Text, width: int, flow: Flow) -> list[Text]:
    """Return the lines of a sentence; one that is to be brief ends with `…` where more follows."""
    lines = _lines_of(text, width)
    if flow is not Flow.BRIEF or len(lines) <= _BRIEF:
        return lines
    last = words(lines[_BRIEF - 1].plain)
    while len(last) > 1 and cell_len(" ".join(last)) >= width - 1:
        last.pop()
    return [*lines[: _BRIEF - 1], Text(f"{' '.join(last)} …", style=text.style)]


def _capped(grid: _Grid, width: int) -> _Grid:
    """Return the grid with no column wider than half the terminal, for the sake of most rows."""
    widths = [
        max(text.cell_len for text in column if text.cell_len <= width // 2 or text is column[0])
        for column in zip(*grid.rows, strict=True)
    ]
    return grid._replace(widths=widths)


def _cut(grid: _Grid, width: int) -> int | None:
    """Return before which column every row goes on below: numbers stay side by side.

    None where only some rows are too wide, where a sentence is to be wrapped, or one line more is
    not enough.
    """
    if _total(grid.widths) <= width or any(column.flow in _SENTENCES for column in grid.columns):
        return None
    cuts = [
        cut
        for cut in range(1, len(grid.widths))
        if _total(grid.widths[:cut]) <= width and INDENT + _total(grid.widths[cut:]) <= width
    ]
    numbers = [i for i, column in enumerate(grid.columns) if column.right and i in cuts]
    return next(iter(numbers), max(cuts, default=None))


def _folded(grid: _Grid, cut: int, width: int) -> Iterator[Text]:
    """Yield rows that all go on at the same column, so that they read as one table."""
    for cells in _padded_rows(grid):
        line, margin = Text(""), Text(" " * INDENT)
        for index, text in enumerate(cells):
            is_full = line.cell_len + cell_len(text.plain.rstrip()) > width
            if index == cut or (line.plain.strip() and is_full):
                yield _joined([line])
                line = margin
            line = Text.assemble(line, text, " " * GAP)
        yield _joined([line])


def _continued(grid: _Grid, width: int) -> Iterator[Text]:
    """Yield rows that go on, indented, with the next whole column."""
    flows = [column.flow for column in grid.columns]
    for index, (row, padded) in enumerate(zip(grid.rows, _padded_rows(grid), strict=True)):
        line = Text("")
        for text, whole, flow in zip(row, padded, flows, strict=True):
            prose = flow in _SENTENCES
            if prose and index and text.plain == "-":
                continue
            room = width - line.cell_len
            least = max(_PROSE, _longest_word(text)) if prose else whole.cell_len
            is_long = flow is Flow.BRIEF and len(_lines_of(text, room)) > _BRIEF
            if line.plain and (least > room or is_long):
                yield _joined([line])
                line, room = Text(" " * INDENT), width - INDENT
            if prose or text.cell_len > room:
                indent = " " * line.cell_len
                *above, last = _sentence(text, room, flow)
                for part in above:
                    yield Text.assemble(line, part)
                    line = Text(indent)
                line = Text.assemble(line, last, " " * GAP)
            else:
                line = Text.assemble(line, whole, " " * GAP)
        yield _joined([line])
