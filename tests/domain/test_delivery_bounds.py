"""Each bound of the figures of delivery, and each judgement as a whole value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.delivery.figures import WEEK, Figures, Period, Spread, figures_of
from gitops_cli.domain.delivery.judging import Judged, Sort, VersionChange, judged, left_at
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.version import Version

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
PROD, WEB = EnvironmentName("shop-production"), ServiceName("web")
D, R, X, O = Sort.DEPLOYMENT, Sort.ROLLBACK, Sort.REMOVAL, Sort.OTHER  # noqa: E741


def version(letter: str | None) -> Version | None:
    return None if letter is None else Version(letter * 40)


def change(
    old: str | None, new: str | None, hours: int, action: str = "", *, made: int | None = None
) -> VersionChange:
    source_time = None if made is None else START + made * HOUR
    at = START + hours * HOUR
    return VersionChange(PROD, WEB, version(old), version(new), at, str(hours), action, source_time)


def told(*oldest_first: VersionChange) -> list[Judged]:
    return judged(reversed(oldest_first))[::-1]


# --- periods


@pytest.mark.parametrize(
    ("length", "weeks"),
    [
        (timedelta(), 1 / 7),
        (DAY / 2, 1 / 7),
        (DAY, 1 / 7),
        (2 * DAY, 2 / 7),
        (WEEK, 1.0),
        (10 * DAY, 10 / 7),
    ],
)
def test_a_period_has_a_day_at_least(length: timedelta, weeks: float) -> None:
    assert Period(START, START + length).weeks == pytest.approx(weeks, abs=1e-12)
    assert timedelta(days=7) == WEEK


@pytest.mark.parametrize(
    ("days", "before_the_end", "counts"),
    [
        (14, [], (0, 0)),
        (14, [timedelta()], (0, 1)),
        (14, [-SECOND], (0, 1)),
        (14, [-30 * DAY], (0, 1)),
        (14, [WEEK - SECOND], (0, 1)),
        (14, [WEEK], (1, 0)),
        (14, [2 * WEEK], (1, 0)),
        (14, [5 * WEEK], (1, 0)),
        (14, [DAY, DAY, 8 * DAY], (1, 2)),
        (15, [14 * DAY, 8 * DAY], (1, 1, 0)),
        (22, [WEEK, 22 * DAY], (1, 0, 1, 0)),
        (0, [timedelta()], (1,)),
        (1, [HOUR], (1,)),
        (7, [WEEK], (1,)),
    ],
)
def test_weeks_are_counted_from_the_end(
    days: int, before_the_end: list[timedelta], counts: tuple[int, ...]
) -> None:
    period = Period(START, START + days * DAY)
    assert period.by_week(period.until - each for each in before_the_end) == counts


# --- figures


@pytest.mark.parametrize(
    ("hours", "spread"),
    [
        ([], Spread(0, None, None)),
        ([5], Spread(1, 5 * HOUR, 5 * HOUR)),
        ([4, 1], Spread(2, 2.5 * HOUR, 4 * HOUR)),
        ([9, 1, 2], Spread(3, 2 * HOUR, 9 * HOUR)),
        ([9, 8, 7, 6, 5, 4, 3, 2, 1], Spread(9, 5 * HOUR, 9 * HOUR)),
        ([*range(1, 11)], Spread(10, 5.5 * HOUR, 9 * HOUR)),
        ([*range(1, 12)], Spread(11, 6 * HOUR, 10 * HOUR)),
        ([*range(1, 31)], Spread(30, 15.5 * HOUR, 27 * HOUR)),
        ([None, 3, None], Spread(1, 3 * HOUR, 3 * HOUR)),
        ([0], Spread(1, timedelta(), timedelta())),
    ],
)
def test_the_median_and_what_nine_of_ten_do_not_exceed(
    hours: list[int | None], spread: Spread
) -> None:
    lengths = [None if each is None else each * HOUR for each in hours]
    deployed = [Judged(change(None, "a", 0), D, lead=each) for each in lengths]
    back = [Judged(change("b", "a", 0), R, lasted=each) for each in lengths]
    period = Period(START, START + WEEK)
    found = figures_of([*deployed, *back], period)
    count = len(hours)
    weeks, rate = (count,), (0.0 if hours else None)
    assert found == Figures(count, float(count), 0, count, spread, spread, weeks)
    assert found.failure_rate == rate


def test_what_is_neither_a_deployment_nor_a_way_back_counts_nowhere() -> None:
    both = [
        Judged(change(None, "a", 1), D, START + HOUR, HOUR),
        Judged(change("a", "b", 2), D),
        Judged(change("b", "a", 3), R, lasted=2 * HOUR, failed=START),
        Judged(change("a", None, 4), X, START, HOUR, HOUR),
        Judged(change("a", "a", 5), O, START, HOUR, HOUR),
    ]
    found = figures_of(iter(both), Period(START, START + 4 * WEEK))
    lead, restore = Spread(1, HOUR, HOUR), Spread(1, 2 * HOUR, 2 * HOUR)
    assert found == Figures(2, 0.5, 1, 1, lead, restore, (2, 0, 0, 0))
    assert found.failure_rate == 0.5


# --- judgements


def test_a_change_and_a_judgement_know_nothing_more_by_themselves() -> None:
    plain = VersionChange(PROD, WEB, None, version("a"), START, "c")
    assert plain[6:] == ("", None, None)
    assert Judged(plain, D) == Judged(plain, D, None, None, None)
    assert [each.value for each in Sort] == ["deployment", "rollback", "removal", "other"]


def test_a_past_is_judged_as_a_whole() -> None:
    past = [
        change("x", "a", 1, "set", made=0),
        change("a", "b", 2, "promote", made=1),
        change("b", "c", 5, "set", made=1),
        change("c", "a", 9, "rollback", made=0),
        change("a", None, 11, "remove", made=0),
        change(None, "d", 12, "capture", made=0),
    ]
    back = START + 9 * HOUR
    assert told(*past) == [
        Judged(past[0], D, None, HOUR),
        Judged(past[1], D, back, HOUR),
        Judged(past[2], D, back, 4 * HOUR),
        Judged(past[3], R, None, None, 4 * HOUR),
        Judged(past[4], X),
        Judged(past[5], O),
    ]


def test_a_lead_ends_with_the_first_time_that_a_version_is_recorded() -> None:
    removed = told(change("x", None, 0), change(None, "x", 1, made=0))
    assert [(each.sort, each.lead) for each in removed] == [(X, None), (D, None)]
    set_up = told(change(None, "a", 0, "env"), change("a", None, 1), change(None, "a", 2, made=0))
    assert [(each.sort, each.lead) for each in set_up] == [(O, None), (X, None), (D, None)]


def test_only_the_oldest_change_says_what_was_there_before() -> None:
    gap = told(change("x", "a", 0), change("q", "b", 1), change("b", "q", 3, made=1))
    assert [(each.sort, each.lead) for each in gap] == [(D, None), (D, None), (D, 2 * HOUR)]
    assert [each.failed for each in gap] == [None, None, None]
    first = told(change("x", "a", 0), change("a", "x", 2))
    assert [(each.sort, each.failed, each.lasted) for each in first] == [
        (D, START + 2 * HOUR, None),
        (R, None, 2 * HOUR),
    ]


def test_what_comes_from_nothing_is_no_way_back_unless_it_says_so() -> None:
    again = told(change(None, "a", 0), change(None, "a", 1, made=0))
    assert [(each.sort, each.lead) for each in again] == [(D, None), (D, None)]
    said = told(change(None, "a", 0, "rollback"), change("a", "b", 1), change("b", "a", 3))
    assert [(each.sort, each.failed, each.lasted) for each in said] == [
        (R, None, None),
        (D, START + 3 * HOUR, None),
        (R, None, 2 * HOUR),
    ]
    gone = told(change(None, "a", 0), change("a", None, 1, "rollback"))
    assert [each.sort for each in gone] == [D, X]


def test_after_a_way_back_beyond_the_past_that_version_is_known() -> None:
    found = told(change("b", "a", 1, "rollback"), change("a", "c", 2), change("c", "a", 5, "set"))
    assert [(each.sort, each.failed, each.lasted) for each in found] == [
        (R, None, None),
        (D, START + 5 * HOUR, None),
        (R, None, 3 * HOUR),
    ]
    twice = told(change("b", "a", 1, "rollback"), change("a", "b", 2, made=0))
    assert [(each.sort, each.lead) for each in twice] == [(R, None), (D, None)]


def test_a_pin_is_a_step_of_the_past_and_no_failure() -> None:
    pinned = change("a", "a", 1, "set", made=0)._replace(new=Version("a" * 40, "sha256:1"))
    found = told(change(None, "a", 0), pinned, change("a", "b", 2), change("b", "a", 3, "rollback"))
    assert [each.sort for each in found] == [D, O, D, R]
    assert [each.failed for each in found] == [None, None, START + 3 * HOUR, None]
    assert [each.lead for each in found] == [None, None, None, None]


def test_a_removal_forgets_what_ways_back_could_take() -> None:
    found = told(
        change(None, "a", 0), change("a", None, 1), change(None, "b", 2), change("b", "a", 3)
    )
    assert [each.sort for each in found] == [D, X, D, D]
    assert [each.failed for each in found] == [None] * 4


@pytest.mark.parametrize(
    ("action", "sort"),
    [("capture", O), ("env", O), ("rename", O), ("set", D), ("promote", D), ("", D), ("lock", D)],
)
def test_what_an_action_makes_of_a_new_version(action: str, sort: Sort) -> None:
    assert [each.sort for each in told(change("x", "a", 0, action))] == [sort]


def test_when_a_version_was_left_is_told_by_the_newest_change() -> None:
    past = [change("b", "c", 9), change("c", "b", 7), change("b", "c", 5), change(None, "b", 1)]
    assert left_at(past, Version("b" * 40)) == START + 9 * HOUR
    assert left_at(past, Version("b" * 40, "sha256:1")) == START + 9 * HOUR
    assert left_at(past, Version("c" * 40)) == START + 7 * HOUR
    assert left_at(past[3:], Version("b" * 40)) is None
    assert left_at([], Version("b" * 40)) is None
