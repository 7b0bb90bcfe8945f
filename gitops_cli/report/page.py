"""The delivery page: one file of HTML with all that was delivered.

The charts are SVG of a few lines each, in the page's own colours; docs/decisions says why no
library draws them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from itertools import accumulate

from markupsafe import Markup, escape

from gitops_cli.domain.delivery.figures import Figures, Period
from gitops_cli.domain.delivery.judging import Sort
from gitops_cli.domain.duration import age
from gitops_cli.domain.past.commits import time_of
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.past_changes import Recorded
from gitops_cli.render import status as grids
from gitops_cli.render.page import page
from gitops_cli.render.view import Cell, Column, Line, Style, Table, View, shown
from gitops_cli.report.gathering import Delivery, FigureGroup, TimelineEvent
from gitops_cli.report.view import behind, by_environment, length, share, waited

MOST_BYTES = 1_900_000  # of a page: mail and chat take it, and a telephone shows it
_WIDTH = 800  # of a timeline, in its own units
_MOST_WEEKS = 53
_LONGEST = 140  # characters of a reason
_CARDS = 12
_HALF_HOUR, _DAY = 1800, 86_400  # seconds
_OVER = 200  # overrides that are named one by one
# No text from elsewhere has a NUL when it is on the page.
_NOTE, _ROWS, _CELL = "\0note\0", "\0rows\0", "\0"
_WARNED = f"{_CELL}\1"
_LEAST = 60  # bytes of a row
_LEFT_OUT = (
    '<p class="warn">The newest {} of {}; <code>gitops history --since</code> has all of them.</p>'
)


class _Grid(NamedTuple):
    project: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]


class _Timeline(NamedTuple):
    """An environment's line; `up`, `failed` and `down` are paths."""

    name: str
    deployed: int
    back: int
    age: str
    up: str
    failed: str
    down: str


class _Hold(NamedTuple):
    text: str
    warn: bool


def report_page(delivery: Delivery, *, refresh: int | None = None) -> str:
    """Return the page; `refresh`: a server shows it, and it asks again after so many seconds.

    Of the changes it has as many as there is room for, the newest.
    """
    text = _page(delivery, refresh)
    rows, count = _rows(delivery.events, MOST_BYTES - len(text.encode()))
    of = len(delivery.events)
    note = "" if count == of else _LEFT_OUT.format(count, of)
    return text.replace(_NOTE, note).replace(_ROWS, rows)


def _rows(events: Sequence[TimelineEvent], room: int) -> tuple[str, int]:
    """Return as many rows of changes as so many bytes have room for, and how many those are.

    They are most of a large page, so all are escaped at once; no cell has a control character.
    """
    cells = [_CELL.join(("", *_change(event))) for event in events[: room // _LEAST]]
    if not events:
        return "", 0
    escaped = str(escape("\n".join(cells))).replace(_CELL, "<td>").encode().split(b"\n")
    sizes = accumulate(len(row) + len("<tr>\n") for row in escaped)
    count = bisect_right(list(sizes), room)
    return b"".join(b"<tr>%b\n" % row for row in escaped[:count]).decode(), count


def _page(delivery: Delivery, refresh: int | None) -> str:
    """Return the page with marks where the changes go."""
    period, status = delivery.period, delivery.status
    groups = [_recent(group) for group in delivery.groups]
    projects = [g for g in groups if g.project is not None and g.service is None]
    several = len({group.project for group in projects}) > 1
    local, grid = period.until.astimezone(), grids.view(status)
    return page(
        "report.html",
        package="gitops_cli.report",
        title="What was delivered",
        refresh=refresh,
        period=f"{_day(period.since)} to {_day(period.until)}, {age(period.until - period.since)}",
        commit=status.commit[:SHORT] if status.commit else "",
        stale=not status.fresh,
        zone=local.tzname() or "UTC",
        first=_day(max(period.since, period.until - timedelta(weeks=_MOST_WEEKS))),
        last=_day(period.until),
        stages=[g for g in groups if g.project is None][:_CARDS],
        projects=_figure_rows(projects) if several else "",
        services=_figure_rows([g for g in groups if g.service is not None]),
        waiting=delivery.waiting,
        holds=list(_holds(delivery, grid)),
        timelines=list(_timelines(delivery)),
        grids=list(_grids(grid)),
        legend=grid.legend,
        note=Markup(_NOTE),
        rows=Markup(_ROWS),
        contents=_contents(delivery),
        width=_WIDTH,
        percent=share,
        length=length,
        behind=behind,
        waited=lambda waits: waited(waits, period),
        bar_path=bar_path,
        described=_described,
    )


def _recent(group: FigureGroup) -> FigureGroup:
    """Return a group with no more weeks than a chart has room for."""
    weeks = group.figures.weeks[-_MOST_WEEKS:]
    return group._replace(figures=group.figures._replace(weeks=weeks))


def _contents(delivery: Delivery) -> list[tuple[str, str]]:
    several = len({g.project for g in delivery.groups if g.project is not None}) > 1
    return [
        ("stages", "Stages"),
        *([("projects", "Projects")] if several else []),
        ("waiting", "Waiting"),
        ("holds", "Locks, freezes, overrides"),
        ("environments", "Environments over time"),
        *([("grid", "What is recorded")] if delivery.status.grids else []),
        ("services", "Services"),
        ("changes", "Changes"),
    ]


def _figure_rows(groups: Sequence[FigureGroup]) -> Markup:
    """Return a row for each group: of hundreds of services, much of a page."""
    rows = str(escape("\n".join(_CELL.join(_figure_cells(group)) for group in groups))).split("\n")
    charts = [_spark(group.figures.weeks) for group in groups]
    texts = [
        "<tr><th scope=row>"
        + row.replace(_WARNED, "<td class=warn>").replace(_CELL, "<td>")
        + chart
        for row, chart in zip(rows, charts, strict=False)
    ]
    return Markup("\n".join(texts))


def _figure_cells(group: FigureGroup) -> Iterator[str]:
    figures = group.figures
    if group.service is not None:
        yield group.service
    yield group.project or ""
    yield group.stage
    yield str(figures.deployments)
    yield f"{figures.per_week:.1f}"
    yield length(figures.lead.median) or "–"
    yield ("\1" if figures.failed else "") + (share(figures.failure_rate) or "–")
    yield length(figures.restore.median) or "–"


def _spark(weeks: Sequence[int]) -> str:
    box = f'viewBox="0 0 {len(weeks) * 10} 20" preserveAspectRatio=none aria-hidden=true'
    path = bar_path(weeks, 20)
    return f'<td><svg class=spark {box}><path d="{path}"/></svg>' if path else "<td>"


def bar_path(counts: Sequence[int], height: int) -> str:
    """Return numbers as bars in one path, ten units apart, the largest as high as there is."""
    most = max(counts, default=0) or 1
    bars = ((at, round(height * count / most)) for at, count in enumerate(counts) if count)
    return "".join(f"M{at * 10 + 5} {height}v-{tall}" for at, tall in bars)


def _described(figures: Figures) -> str:
    weeks = ", ".join(map(str, figures.weeks))
    return f"deployments of each week, the last one last: {weeks}"


def _holds(delivery: Delivery, grid: View) -> Iterator[_Hold]:
    for block in grid.blocks:
        if isinstance(block, Line) and block.style in (Style.WARN, Style.DIM) and block.text:
            yield _Hold(block.text, block.style is Style.WARN)
    for stage, windows in delivery.freezes.items():
        yield _Hold(f"{stage} freezes: {'; '.join(windows)}", warn=False)
    over = [event.past for event in delivery.events if event.past.overrides]
    for past in over[:_OVER]:
        what = f"{past.environment}: {past.service or 'all of it'}"
        rules, who = ", ".join(past.overrides), past.made_by.author.name
        why = f": {one_line(past.reason)[:_LONGEST]}" if past.reason else ""
        yield _Hold(f"{_minute(past.at)} {what} over {rules} by {who}{why}", warn=True)
    if len(over) > _OVER:
        yield _Hold(f"and {plural(len(over) - _OVER, 'older override')}", warn=True)


def _timelines(delivery: Delivery) -> Iterator[_Timeline]:
    for name, events in by_environment(delivery).items():
        places = _Places(delivery.period)
        for event in events:
            places.add(event)
        last = next((event.past.at for event in events if event.judged is not None), None)
        yield _Timeline(
            name,
            places.deployed,
            places.back,
            "" if last is None else age(delivery.period.until - last),
            "".join(f"M{x} 16v-8" for x in sorted(places.up)),
            "".join(f"M{x} 16v-14" for x in sorted(places.failed)),
            "".join(f"M{x} 16v8" for x in sorted(places.down)),
        )


class _Places:
    """How often something was deployed or taken back, and where on a line; each place once."""

    def __init__(self, period: Period) -> None:
        self.deployed = self.back = 0
        self.up: set[int] = set()
        self.failed: set[int] = set()
        self.down: set[int] = set()
        self._since = period.since
        self._step = max((period.until - period.since).total_seconds(), 1) / _WIDTH

    def add(self, event: TimelineEvent) -> None:
        """Take what deployed something, or took it back."""
        judged = event.judged
        if judged is None:
            return
        place = round((event.past.at - self._since).total_seconds() / self._step)
        if judged.sort is Sort.DEPLOYMENT:
            self.deployed += 1
            (self.up if judged.failed is None else self.failed).add(place)
        elif judged.sort is Sort.ROLLBACK:
            self.back += 1
            if judged.failed is None:
                self.down.add(place)


def _grids(grid: View) -> Iterator[_Grid]:
    for block in grid.blocks:
        if isinstance(block, Table):
            table = shown(block, wide=False)
            yield _Grid(table.title or "", [_head(c) for c in table.columns], list(table.rows))


def _head(column: Column) -> str:
    title = column.title[:1].upper() + column.title[1:]
    return f"{title} vs {column.versus}" if column.versus else title


def _change(event: TimelineEvent) -> tuple[str, ...]:
    """Return what a row of the table of changes has."""
    past, judged = event.past, event.judged
    what = f"{past.action} over {', '.join(past.overrides)}" if past.overrides else past.action
    if judged is not None and judged.failed is not None:
        what = f"{what}, taken back after {age(judged.failed - past.at)}"
    return (
        _minute(past.at),
        past.environment,
        past.service or "all of it",
        _version(past.old),
        _version(past.new),
        _repeated(past.made_by.author.name),
        _repeated(what),
        one_line(past.reason)[:_LONGEST],
    )


@lru_cache(1 << 10)
def _repeated(text: str) -> str:
    """Return a text on one line that most rows have in common."""
    return one_line(text)


@lru_cache(1 << 14)
def _version(recorded: Recorded | None) -> str:
    if recorded is None:
        return ""
    return recorded.version.short if recorded.version else recorded.text[:40]


def _day(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d}"


def _minute(at: datetime) -> str:
    seconds = int(at.timestamp())
    day, rest = divmod(seconds + _offset(seconds // _HALF_HOUR), _DAY)
    return f"{_date(day)} {rest // 3600:02}:{rest // 60 % 60:02}"


@cache
def _offset(half_hours: int) -> int:
    """Return how many seconds the local time is ahead; no zone changes within half an hour."""
    at = time_of(half_hours * _HALF_HOUR).astimezone()
    return int((at.utcoffset() or timedelta()).total_seconds())


@cache
def _date(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days)).isoformat()
