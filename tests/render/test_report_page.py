"""The delivery page: everything is on it, as text, and large histories fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.delivery.figures import Period, figures_of
from gitops_cli.domain.delivery.judging import VersionChange, judged
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.version import Version
from gitops_cli.operations.grid import Grids
from gitops_cli.operations.past_changes import PastChange, Recorded
from gitops_cli.report.gathering import Delivery, FigureGroup, TimelineEvent
from gitops_cli.report.page import MOST_BYTES, bar_path, report_page
from tests.render.test_page import HOSTILE, check_safe

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=90)


def delivery(
    count: int,
    environments: int = 1,
    services: int = 1,
    *,
    who: str = "Ada Lovelace",
    why: str = "",
    action: str = "promote",
) -> Delivery:
    """Return so many changes, evenly over the environments, their services and the period."""
    past = []
    for number in range(count):
        name = EnvironmentName(f"project{number % environments}-production")
        service = ServiceName(f"service{number // environments % services}")
        old, new = (Version(f"{n:040x}") for n in (number, number + environments * services))
        trailers = {"Gitops-Action": action, "Gitops-Reason": why}
        at = UNTIL - number * (UNTIL - SINCE) / count
        made = Commit(f"{number:040x}", ("p",), Actor(who, "a@b"), at, at, "", "", trailers)
        recorded = [Recorded(str(version), version) for version in (new, old)]
        path = f"{name}/{service}.deployment"
        past.append(PastChange(name, service, path, *recorded, made.hash, at, made, None))
    changes = [
        VersionChange(
            entry.environment,
            ServiceName(str(entry.service)),
            entry.old and entry.old.version,
            entry.new and entry.new.version,
            entry.at,
            entry.commit,
            entry.action,
            entry.at - timedelta(hours=5),
        )
        for entry in past
    ]
    period = Period(SINCE, UNTIL)
    events = [
        TimelineEvent(
            entry, Place(entry.environment, str(entry.environment)[:-11], "production"), each
        )
        for entry, each in zip(past, judged(changes), strict=True)
    ]
    parts: dict[tuple[str, ServiceName], list[TimelineEvent]] = {}
    for event in events:
        parts.setdefault((event.place.project, event.judged.change.service), []).append(event)  # type: ignore[union-attr]
    groups = [
        FigureGroup(
            "production", None, None, figures_of([e.judged for e in events if e.judged], period)
        )
    ]
    groups += [
        FigureGroup("production", *key, figures_of([e.judged for e in part if e.judged], period))
        for key, part in parts.items()
    ]
    status = Grids("c" * 40, UNTIL, True, UNTIL, (), ())
    return Delivery(period, status, tuple(groups), (), tuple(events), {})


def test_ten_thousand_changes_in_a_hundred_environments_fit() -> None:
    page = report_page(delivery(10_000, 100, 10, why="sprint 23"))
    assert len(page.encode()) <= 2_000_000
    assert "The newest" not in page, "there is room for all of them"
    assert page.count("<td>sprint 23\n") == 10_000


def test_whatever_is_written_it_stays_small_and_says_what_is_left_out() -> None:
    page = report_page(delivery(20_000, 10, 10, who="Ж" * 40, why="ö" * 500))
    assert 0.9 * MOST_BYTES < len(page.encode()) <= 2_000_000
    assert "of 20000; <code>gitops history --since</code> has all of them." in page


def test_whoever_writes_a_commit_writes_text() -> None:
    for hostile in HOSTILE:
        page = report_page(delivery(3, who=hostile, why=hostile, action=hostile))
        read = check_safe(page)
        assert read.text.count("service0") >= 3
    assert "&lt;b&gt;" in read.text


def test_nothing_is_a_page_too() -> None:
    empty = Delivery(Period(SINCE, UNTIL), Grids(None, None, False, UNTIL, (), ()), (), (), (), {})
    text = check_safe(report_page(empty)).text
    assert "Nothing waits" in text
    assert "the remote did not answer" in text


def test_a_page_that_is_served_asks_again() -> None:
    html = check_safe(report_page(delivery(1), refresh=60)).of("html")
    assert html == [{"lang": "en", "data-refresh": "60"}]


def test_bars() -> None:
    assert bar_path([], 20) == bar_path([0, 0], 20) == ""
    assert bar_path([1, 0, 2], 20) == "M5 20v-10M25 20v-20"
