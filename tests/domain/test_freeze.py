"""Freeze windows on the wall clock of their zone, through both changes of the clocks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.recorded.freeze import parse_freeze

WEEKEND = "Fri 16:00 - Mon 08:00 Europe/Warsaw"
EXAMPLE = f"write `{WEEKEND}` or `2026-12-20 00:00 - 2027-01-02 00:00 UTC`"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def closes(window: str, now: str) -> str | None:
    end = parse_freeze(window).closes(utc(now))
    return end and end.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-20 14:59:59", None),  # Friday, 15:59:59 in Warsaw
        ("2026-11-20 15:00", "2026-11-23 07:00"),
        ("2026-11-22 12:00", "2026-11-23 07:00"),
        ("2026-11-23 06:59:59", "2026-11-23 07:00"),
        ("2026-11-23 07:00", None),
        ("2026-07-03 13:59", None),  # in summer an hour earlier in UTC
        ("2026-07-03 14:00", "2026-07-06 06:00"),
        ("2026-03-28 12:00", "2026-03-30 06:00"),  # clocks go forward in it
        ("2026-10-24 12:00", "2026-10-26 07:00"),  # and back
    ],
)
def test_every_week_at_the_same_local_time(now: str, end: str | None) -> None:
    assert closes(WEEKEND, now) == end


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # 2026-10-25, 03:00 summer time becomes 02:00 winter time.
        ("2026-10-25 00:20", "2026-10-25 01:30"),
        ("2026-10-25 00:40", "2026-10-25 01:30"),  # 02:40, and 02:30 comes again
        ("2026-10-25 01:10", "2026-10-25 01:30"),  # 02:10 for the second time
        ("2026-10-25 01:30", None),
    ],
)
def test_an_end_in_the_hour_that_comes_twice_is_never_past(now: str, end: str | None) -> None:
    assert closes("Sat 12:00 - Sun 02:30 Europe/Warsaw", now) == end


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-10-25 00:29", False),
        ("2026-10-25 00:30", True),  # 02:30 for the first time
        ("2026-10-25 00:59", True),
        ("2026-10-25 01:10", True),  # 02:10, after it has begun
        ("2026-10-25 01:40", True),
        ("2026-10-25 02:10", True),
        ("2026-10-25 11:00", False),
    ],
)
def test_a_beginning_in_the_hour_that_comes_twice_counts_once(now: str, is_open: bool) -> None:
    end = "2026-10-25 11:00" if is_open else None
    assert closes("Sun 02:30 - Sun 12:00 Europe/Warsaw", now) == end


def test_a_window_within_the_hour_that_comes_twice_has_no_gap() -> None:
    window = "Sun 02:15 - Sun 02:45 Europe/Warsaw"
    for minute in range(15, 105):
        now = f"2026-10-25 {minute // 60:02}:{minute % 60:02}"
        assert closes(window, now) == "2026-10-25 01:45"
    assert closes(window, "2026-10-25 00:14") is None
    assert closes(window, "2026-10-25 01:45") is None


def test_a_single_window_ends_with_the_second_time() -> None:
    window = "2026-10-24 12:00 - 2026-10-25 02:30 Europe/Warsaw"
    assert closes(window, "2026-10-25 00:40") == "2026-10-25 01:30"
    assert closes(window, "2026-10-25 01:30") is None


def test_an_end_in_the_hour_that_does_not_exist() -> None:
    window = "Sat 12:00 - Sun 02:30 Europe/Warsaw"  # 2026-03-29, 02:00 becomes 03:00
    assert closes(window, "2026-03-29 00:59") is not None
    assert closes(window, "2026-03-29 01:00") is None


def test_over_the_end_of_the_week_and_within_a_day() -> None:
    assert closes("Sun 20:00 - Mon 04:00 UTC", "2026-11-23 03:00") == "2026-11-23 04:00"
    assert closes("Mon 09:00 - Mon 17:00 UTC", "2026-11-23 08:59") is None
    assert closes("Mon 09:00 - Mon 17:00 UTC", "2026-11-23 09:00") == "2026-11-23 17:00"
    # From 17:00 to 09:00 of the same day is all week but the working hours of Monday.
    assert closes("Mon 17:00 - Mon 09:00 UTC", "2026-11-23 10:00") is None
    assert closes("Mon 17:00 - Mon 09:00 UTC", "2026-11-26 10:00") == "2026-11-30 09:00"


def test_once() -> None:
    window = "2026-12-20 00:00 - 2027-01-02 00:00 Europe/Warsaw"
    assert closes(window, "2026-12-19 22:59") is None
    assert closes(window, "2026-12-19 23:00") == "2027-01-01 23:00"
    assert closes(window, "2027-01-01 23:00") is None


@given(
    st.integers(946_684_800, 3_471_292_800).map(lambda at: datetime.fromtimestamp(at, UTC)),
    st.sampled_from(["Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 6),
    st.integers(0, 23),
    st.integers(0, 59),
)
def test_a_closing_time_lies_ahead(
    now: datetime, zone: str, day: int, hour: int, minute: int
) -> None:
    name = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day]
    for text in (
        f"{name} {hour}:{minute:02} - Sun 02:30 {zone}",
        f"Sat 12:00 - {name} 02:10 {zone}",
    ):
        try:
            end = parse_freeze(text).closes(now)
        except ValueError:
            continue
        # A local time that does not exist is read with the offset before the change.
        assert end is None or now - timedelta(hours=1) < end <= now + timedelta(days=7, hours=2)


@pytest.mark.parametrize("text", [WEEKEND, "friday 16:00 - monday 08:00 Europe/Warsaw"])
def test_days_in_short_and_in_full(text: str) -> None:
    assert closes(text, "2026-11-22 12:00") == "2026-11-23 07:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fri 16:00",
        "Fri 16:00 - Mon 08:00",
        "Fritz 16:00 - Mon 08:00 UTC",
        "Fri 24:00 - Mon 08:00 UTC",
        "Fri 16:60 - Mon 08:00 UTC",
        "Fri 16:00 - Fri 16:00 UTC",
        "Fri 16:00 - Mon 08:00 Mars/Olympus",
        "Fri 16:00 - Mon 08:00 ../../etc/passwd",
        "2026-02-30 00:00 - 2026-03-01 00:00 UTC",
        "2026-03-02 00:00 - 2026-03-01 00:00 UTC",
    ],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_freeze(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Fri 16:00 - Fri 16:00 UTC", "`Fri 16:00 - Fri 16:00 UTC` begins where it ends"),
        (
            "2026-12-20 00:00 - 2026-12-20 00:00 UTC",
            "`2026-12-20 00:00 - 2026-12-20 00:00 UTC` ends before it begins",
        ),
        (
            "2026-12-21 00:00 - 2026-12-20 00:00 UTC",
            "`2026-12-21 00:00 - 2026-12-20 00:00 UTC` ends before it begins",
        ),
        (
            "Fri 24:00 - Mon 08:00 UTC",
            f"`Fri 24:00` is not a time of the week; {EXAMPLE}",
        ),
        (
            "Fri 16:60 - Mon 08:00 UTC",
            f"`Fri 16:60` is not a time of the week; {EXAMPLE}",
        ),
        (
            "Fri 16:00 - Mon 08:00 Mars/Olympus",
            "`Mars/Olympus` is not a time zone; write one like Europe/Warsaw or UTC",
        ),
        (
            "2027-02-29 00:00 - 2027-03-01 00:00 UTC",
            f"`2027-02-29 00:00` is not a day and time of the calendar; {EXAMPLE}",
        ),
        (
            "2026-12-31 00:00 - 2026-12-31 24:00 UTC",
            f"`2026-12-31 24:00` is not a day and time of the calendar; {EXAMPLE}",
        ),
        (
            "always",
            f"`always` is not a freeze window; {EXAMPLE}",
        ),
    ],
)
def test_what_is_said_of_a_window_that_is_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse_freeze(text)


def test_a_window_is_shown_as_it_was_written() -> None:
    for text in (WEEKEND, "2026-12-20 00:00 - 2027-01-02 00:00 UTC"):
        assert parse_freeze(text).text == text


def test_the_bounds_of_a_day() -> None:
    day = "Fri 00:00 - Fri 23:59 UTC"

    assert closes(day, "2026-11-19 23:59:59") is None
    assert closes(day, "2026-11-20 00:00") == "2026-11-20 23:59"
    assert closes(day, "2026-11-20 23:58:59.999999") == "2026-11-20 23:59"
    assert closes(day, "2026-11-20 23:59") is None
    once = "2026-11-20 00:00 - 2026-11-21 00:00 UTC"
    assert closes(once, "2026-11-20 00:00") == "2026-11-21 00:00"
    assert closes(once, "2026-11-21 00:00") is None
    assert closes(once, "2026-11-19 23:59:59") is None


def test_a_window_begins_with_its_second() -> None:
    assert closes("Fri 16:00 - Fri 17:00 UTC", "2026-11-20 16:00:30.5") == "2026-11-20 17:00"
    assert closes("Fri 16:00 - Fri 17:00 UTC", "2026-11-20 17:00:00.5") is None
    assert closes("Fri 16:00 - Fri 17:00 UTC", "2026-11-20 16:59:59.5") == "2026-11-20 17:00"
