"""What counts as a deployment, as a way back, as failed; and the figures, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.delivery.figures import Period, Spread, figures_of
from gitops_cli.domain.delivery.judging import Judged, Sort, VersionChange, judged, left_at
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.version import Version

START = datetime(2026, 11, 2, 8, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def version(letter: str, digest: str | None = None) -> Version:
    return Version(letter * 40, digest)


def change(
    old: str | None,
    new: str | None,
    hours: int,
    action: str = "",
    *,
    made: int | None = None,
    service: str = "web",
    environment: str = "shop-production",
) -> VersionChange:
    """Return a change some hours after the start; `made` is when the new version's commit was."""
    return VersionChange(
        EnvironmentName(environment),
        ServiceName(service),
        None if old is None else version(old),
        None if new is None else version(new),
        START + hours * HOUR,
        f"{hours:040x}",
        action,
        None if made is None else START + made * HOUR,
    )


def told(*oldest_first: VersionChange) -> list[Judged]:
    return judged(reversed(oldest_first))[::-1]


def sorts(*oldest_first: VersionChange) -> list[Sort]:
    return [each.sort for each in told(*oldest_first)]


D, R, X, O = Sort.DEPLOYMENT, Sort.ROLLBACK, Sort.REMOVAL, Sort.OTHER  # noqa: E741


def test_new_versions_are_deployments() -> None:
    assert sorts(change(None, "a", 0), change("a", "b", 1), change("b", "c", 2)) == [D, D, D]


def test_a_way_back_fails_what_it_takes_back() -> None:
    a, b, back = told(change("x", "a", 0), change("a", "b", 1), change("b", "a", 4, "rollback"))
    assert (a.sort, b.sort, back.sort) == (D, D, R)
    assert (a.failed, b.failed) == (None, START + 4 * HOUR)
    assert back.lasted == 3 * HOUR


def test_a_way_back_by_hand_is_one_too() -> None:
    _, b, back = told(change("x", "a", 0), change("a", "b", 1), change("b", "a", 2, "set"))
    assert (b.failed, back.sort) == (START + 2 * HOUR, R)


def test_a_way_back_over_two_versions_fails_both() -> None:
    found = told(
        change("x", "a", 0),
        change("a", "b", 1),
        change("b", "c", 2),
        change("c", "a", 5, "rollback"),
    )
    assert [each.failed is not None for each in found] == [False, True, True, False]
    assert found[3].lasted == 3 * HOUR, "the last of them was recorded so long"


def test_two_ways_back_take_one_step_each() -> None:
    found = told(
        change("x", "a", 0),
        change("a", "b", 1),
        change("b", "c", 2),
        change("c", "b", 3, "rollback"),
        change("b", "a", 4, "rollback"),
    )
    at = [each.failed and (each.failed - START) // HOUR for each in found]
    assert at == [None, 4, 3, None, None]


def test_what_was_taken_back_may_come_again() -> None:
    found = told(
        change("x", "a", 0),
        change("a", "b", 1, made=0),
        change("b", "a", 2, "rollback"),
        change("a", "b", 3, made=0),
    )
    assert [each.sort for each in found] == [D, D, R, D]
    assert (found[1].lead, found[3].lead) == (HOUR, None), "it was delivered once"
    assert found[3].failed is None


def test_a_way_back_to_before_all_that_is_known() -> None:
    back, later = told(change("b", "a", 3, "rollback"), change("a", "c", 5))
    assert (back.sort, back.lasted) == (R, None)
    known = change("b", "a", 3, "rollback")._replace(recorded=START + HOUR)
    assert told(known)[0].lasted == 2 * HOUR
    assert later.sort is D


def test_a_way_back_with_a_stranger_in_between_fails_all_that_is_newer() -> None:
    found = told(change("x", "b", 0), change("b", "c", 1), change("c", "y", 2, "rollback"))
    assert [each.failed is not None for each in found] == [True, True, False]


@pytest.mark.parametrize("action", ["capture", "env", "rename"])
def test_setting_up_is_no_deployment(action: str) -> None:
    first, second = told(change(None, "a", 0, action), change("a", "b", 1))
    assert (first.sort, second.sort) == (O, D)


def test_a_pinned_digest_is_no_deployment() -> None:
    pinned = change("a", "a", 1)._replace(new=version("a", f"sha256:{'1' * 64}"))
    assert sorts(change(None, "a", 0), pinned) == [D, O]


def test_a_removal_ends_the_past() -> None:
    found = told(change(None, "a", 0), change("a", None, 1), change(None, "a", 2))
    assert [each.sort for each in found] == [D, X, D]
    assert found[0].failed is None


def test_services_and_environments_have_pasts_of_their_own() -> None:
    newest_first = [
        change("b", "a", 3, "rollback"),
        change("a", "b", 2, service="api"),
        change("a", "b", 1, environment="shop-staging"),
        change("a", "b", 0),
    ]
    found = judged(newest_first)
    assert [each.change for each in found] == newest_first
    assert [each.failed is not None for each in found] == [False, False, False, True]


def test_lead_time_is_never_less_than_nothing() -> None:
    skewed, usual, unknown = told(
        change(None, "a", 1, made=2), change("a", "b", 5, made=2), change("b", "c", 6)
    )
    assert (skewed.lead, usual.lead, unknown.lead) == (0 * HOUR, 3 * HOUR, None)


def test_lasted_is_never_less_than_nothing() -> None:
    back = change("b", "a", 3, "rollback")._replace(recorded=START + 4 * HOUR)
    assert told(back)[0].lasted == 0 * HOUR


def test_the_figures_of_two_weeks() -> None:
    day = 24
    found = told(
        change(None, "a", 1 * day, made=0),  # 24 h; first week
        change("a", "b", 2 * day, made=2 * day - 2),  # 2 h
        change("b", "a", 2 * day + 3, "rollback"),  # 3 h
        change("a", "c", 10 * day, made=9 * day),  # 24 h; second week
        change("c", "d", 11 * day),
    )
    period = Period(START, START + timedelta(days=14))
    figures = figures_of(found, period)
    assert (figures.deployments, figures.failed, figures.rollbacks) == (4, 1, 1)
    assert figures.per_week == 2.0
    assert figures.failure_rate == 0.25
    assert figures.lead == Spread(3, 24 * HOUR, 24 * HOUR)
    assert figures.restore == Spread(1, 3 * HOUR, 3 * HOUR)
    assert figures.weeks == (2, 2)


def test_nine_of_ten() -> None:
    found = told(*(change(None, "a", n, made=0, service=f"s{n}") for n in range(1, 21)))
    figures = figures_of(found, Period(START, START + timedelta(days=7)))
    assert figures.lead == Spread(20, 10.5 * HOUR, 18 * HOUR)


def test_nothing_has_no_rate() -> None:
    figures = figures_of([], Period(START, START))
    assert (figures.failure_rate, figures.lead, figures.weeks) == (None, Spread(), (0,))
    assert figures.per_week == 0.0


def test_since_when_the_stage_before_is_further() -> None:
    past = [change("c", "d", 9), change("b", "c", 5), change("a", "b", 1)]
    assert left_at(past, version("b")) == START + 5 * HOUR
    assert left_at(past, version("c")) == START + 9 * HOUR
    assert left_at(past, version("z")) is None
    pinned = change("d", "d", 10)._replace(new=version("d", f"sha256:{'1' * 64}"))
    assert left_at([pinned, *past], version("d")) is None
    assert left_at([change("d", None, 12)], version("d")) == START + 12 * HOUR
