"""What was delivered, as tables and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from gitops_cli.domain.delivery.figures import Period, Spread
from gitops_cli.domain.delivery.judging import Sort
from gitops_cli.domain.duration import age
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import NO_ENVIRONMENTS
from gitops_cli.domain.text import plural
from gitops_cli.render import status as grids
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View
from gitops_cli.report.gathering import Delivery, FigureGroup, TimelineEvent, WaitingService

_BARS = "▁▂▃▄▅▆▇█"
_MOST_WEEKS = 26  # in a column; the document has all
_NO_PROJECT = "no project"
_LEGEND = (
    "lead time: from the source's commit until it was recorded (median) · "
    "failed: taken back later · "
    "restored in: how long what was taken back had been recorded (median) · "
    "▁█ deployments, the last week on the right"
)
_RECORDS = Records(
    "figures",
    "stage project service deployments per_week failed failure_rate rollbacks "
    "lead_time_known=lead_time.known lead_time_median=lead_time.median_seconds "
    "lead_time_p90=lead_time.p90_seconds restore_known=restore.known "
    "restore_median=restore.median_seconds restore_p90=restore.p90_seconds",
    "{project}/{stage}/{service}",
)


def view(delivery: Delivery) -> View:
    """Return figures, what waits, what happened where, the grid, and what holds it."""
    if not delivery.status.grids:
        return View(
            "report", document(delivery), (Line(NO_ENVIRONMENTS, Style.DIM),), None, _RECORDS
        )
    blocks = [
        _period_line(delivery),
        *_figures(delivery),
        *_waiting(delivery),
        _timelines(delivery),
        *grids.view(delivery.status).blocks,
        *_freezes(delivery),
        *_overrides(delivery),
    ]
    return View("report", document(delivery), tuple(blocks), _LEGEND, _RECORDS)


def document(delivery: Delivery) -> dict[str, Any]:
    """Return the fields of the JSON document."""
    status, now = delivery.status, delivery.status.now
    projects = grids.document(status)["projects"]
    return {
        "commit": status.commit,
        "committed_at": status.committed_at.isoformat() if status.committed_at else None,
        "fresh": status.fresh,
        "since": delivery.period.since.isoformat(),
        "until": delivery.period.until.isoformat(),
        "figures": [_group_document(group) for group in delivery.groups],
        "waiting": [_waiting_document(each, now) for each in delivery.waiting],
        "events": [_event_document(event, now) for event in delivery.events],
        "freezes": [
            {"stage": stage, "windows": list(texts)} for stage, texts in delivery.freezes.items()
        ],
        "projects": projects,
    }


def _group_document(group: FigureGroup) -> dict[str, Any]:
    figures = group.figures
    rate = figures.failure_rate
    return {
        "stage": group.stage,
        "project": group.project,
        "service": group.service,
        "deployments": figures.deployments,
        "per_week": round(figures.per_week, 2),
        "failed": figures.failed,
        "failure_rate": None if rate is None else round(rate, 4),
        "rollbacks": figures.rollbacks,
        "lead_time": _spread_document(figures.lead),
        "restore": _spread_document(figures.restore),
        "weeks": list(figures.weeks),
    }


def _spread_document(spread: Spread) -> dict[str, Any]:
    return {
        "known": spread.known,
        "median_seconds": _seconds(spread.median),
        "p90_seconds": _seconds(spread.most),
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _waiting_document(waits: WaitingService, now: datetime) -> dict[str, Any]:
    distance = waits.distance
    return {
        "environment": waits.environment,
        "service": waits.service,
        "version": str(waits.version),
        "compared_to": waits.source,
        "next": str(waits.next),
        "relation": distance.relation.value if distance else None,
        "ahead": distance.ahead if distance else None,
        "behind": distance.behind if distance else None,
        "since": waits.since.isoformat() if waits.since else None,
        "waiting_seconds": _seconds(now - waits.since) if waits.since else None,
        "held": waits.held,
    }


def _event_document(event: TimelineEvent, now: datetime) -> dict[str, Any]:
    from gitops_cli.render.history import entry_document  # 15 ms, and a page has no document

    judged = event.judged
    failed = judged.failed if judged else None
    return {
        "project": event.place.project,
        "stage": event.place.stage,
        **entry_document(event.past, now),
        "sort": judged.sort.value if judged else None,
        "failed_at": failed.isoformat() if failed else None,
        "lead_seconds": _seconds(judged.lead) if judged else None,
        "lasted_seconds": _seconds(judged.lasted) if judged else None,
    }


def _period_line(delivery: Delivery) -> Line:
    since, until = delivery.period.since.astimezone(), delivery.period.until.astimezone()
    return Line(f"{since:%Y-%m-%d} to {until:%Y-%m-%d}, {age(until - since)}", Style.DIM)


def _figures(delivery: Delivery) -> Iterator[Table]:
    stages = [g for g in delivery.groups if g.project is None]
    if stages:
        yield _figures_table("stages", stages)
    projects = list(dict.fromkeys(g.project for g in delivery.groups if g.project is not None))
    for project in projects:
        own = [g for g in delivery.groups if g.project == project]
        if len(projects) > 1 and (of_stages := [g for g in own if g.service is None]):
            yield _figures_table(f"{project or _NO_PROJECT}: stages", of_stages)
        if services := [g for g in own if g.service is not None]:
            yield _figures_table(f"{project or _NO_PROJECT}: services", services)


def _figures_table(title: str, groups: Sequence[FigureGroup]) -> Table:
    heads = [
        Column("project", wide=True),
        Column("service", wide=not any(group.service for group in groups)),
        Column("stage"),
        Column("deployed", right=True),
        Column("a week", wide=True, right=True),
        Column("lead time", right=True, flow=Flow.WRAP),
        Column("failed", right=True),
        Column("restored in", right=True, flow=Flow.WRAP),
        Column("weeks"),
    ]
    return Table(heads, [_figures_row(group) for group in groups], title)


def _figures_row(group: FigureGroup) -> list[Cell | str]:
    figures = group.figures
    return [
        group.project or "",
        group.service or "",
        group.stage,
        str(figures.deployments),
        f"{figures.per_week:.1f}",
        length(figures.lead.median),
        Cell(share(figures.failure_rate), Style.WARN if figures.failed else Style.PLAIN),
        length(figures.restore.median),
        bars(figures.weeks[-_MOST_WEEKS:]),
    ]


def length(span: timedelta | None) -> str:
    """Return a length of time for people; empty where nobody knows."""
    return "" if span is None else age(span)


def share(rate: float | None) -> str:
    """Return a part of all in percent; empty for None."""
    return "" if rate is None else f"{rate:.0%}"


def bars(counts: Sequence[int]) -> str:
    """Return numbers as bars, the largest as high as a line is."""
    most = max(counts, default=0)
    top = len(_BARS) - 1
    return "".join(_BARS[-(-count * top // most) if most else 0] for count in counts)


def _waiting(delivery: Delivery) -> Iterator[Table | Line]:
    if not delivery.waiting:
        yield Line("nothing waits: every stage has the versions of the one before", Style.GOOD)
        return
    heads = [
        Column("environment"),
        Column("service"),
        Column("now"),
        Column("waits"),
        Column("behind", right=True),
        Column("since", right=True),
        Column("held", wide=not any(each.held for each in delivery.waiting)),
    ]
    rows = [_waiting_row(each, delivery.period) for each in delivery.waiting]
    yield Table(heads, rows, "waiting")


def _waiting_row(waits: WaitingService, period: Period) -> list[Cell | str]:
    return [
        waits.environment,
        waits.service,
        waits.version.short,
        Cell(waits.next.short, Style.WARN),
        behind(waits),
        waited(waits, period),
        Cell("held" if waits.held else "", Style.INFO),
    ]


def behind(waits: WaitingService) -> str:
    """Return how many commits it lacks; `?` where nobody knows."""
    found = waits.distance.behind if waits.distance else None
    return "?" if found is None else str(found)


def waited(waits: WaitingService, period: Period) -> str:
    """Return for how long it waits; `90d+`: since before the period."""
    if waits.since is None:
        return f"{age(period.until - period.since)}+"
    return age(period.until - waits.since)


def _timelines(delivery: Delivery) -> Table:
    heads = [
        Column("environment"),
        Column("deployed", right=True),
        Column("taken back", right=True, flow=Flow.WRAP),
        Column("last", right=True),
        Column("weeks"),
    ]
    rows = []
    for name, events in by_environment(delivery).items():
        done = [e for e in events if e.judged is not None]
        deployed = [e.past.at for e in done if e.judged and e.judged.sort is Sort.DEPLOYMENT]
        rows.append(
            [
                name,
                str(len(deployed)),
                str(_count(done, Sort.ROLLBACK)),
                age(delivery.period.until - deployed[0]) if deployed else "",
                bars(delivery.period.by_week(deployed)[-_MOST_WEEKS:]),
            ]
        )
    return Table(heads, rows, "environments")


def by_environment(delivery: Delivery) -> dict[EnvironmentName, list[TimelineEvent]]:
    """Return what happened in each environment: those of today in order, then those gone."""
    columns = (column for grid in delivery.status.grids for column in grid.columns)
    found: dict[EnvironmentName, list[TimelineEvent]] = {c.environment: [] for c in columns}
    for event in delivery.events:
        found.setdefault(event.past.environment, []).append(event)
    return found


def _count(events: Iterable[TimelineEvent], sort: Sort) -> int:
    return sum(e.judged is not None and e.judged.sort is sort for e in events)


def _freezes(delivery: Delivery) -> Iterator[Line]:
    for stage, windows in delivery.freezes.items():
        yield Line(f"{stage} freezes: {'; '.join(windows)}", Style.DIM)


def _overrides(delivery: Delivery) -> Iterator[Table]:
    over = [event.past for event in delivery.events if event.past.overrides]
    if not over:
        return
    heads = [
        Column("when"),
        Column("environment"),
        Column("service"),
        Column("over"),
        Column("by"),
        Column("why", flow=Flow.PROSE),
    ]
    rows = [
        [
            f"{past.at.astimezone():%Y-%m-%d %H:%M}",
            past.environment,
            past.service or "all of it",
            Cell(", ".join(past.overrides), Style.WARN),
            past.made_by.author.name,
            past.reason,
        ]
        for past in over
    ]
    yield Table(heads, rows, "overrides")


def summary(delivery: Delivery) -> str:
    """Return one line of it."""
    done = sum(g.figures.deployments for g in delivery.groups if g.project is None)
    waits = plural(len(delivery.waiting), "service waits", "services wait")
    return f"{plural(done, 'deployment')}, {waits}"
