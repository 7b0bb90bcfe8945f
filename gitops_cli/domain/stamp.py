"""Times: as machines write them, as people say them, and as our files have them.

All are aware, and UTC has each of them: whoever may write a lock, an object of a cluster or a
command line may write one there that its zone leads beyond the calendar, and each is written again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitops_cli.domain.duration import parse_duration

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_LETTERS = 3  # `mon` is enough


def is_told(at: datetime) -> bool:
    """Tell whether a time has a zone, and is within the calendar in UTC too."""
    try:
        return at.tzinfo is not None and at.astimezone(UTC) is not None
    except OverflowError:
        return False


def parse_stamp(text: object) -> datetime | None:
    """Return the time that a machine wrote, in ISO 8601 with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and is_told(at) else None


def as_stamp(at: datetime) -> str:
    """Return a time for machines: UTC to the second, as Kubernetes and TOML write it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the time that a person wrote, in ISO 8601; a date is its first moment.

    Without a zone it is the machine's. Raises ValueError, also for what lies beyond the calendar.
    """
    at = datetime.fromisoformat(text)
    try:
        at = at if at.tzinfo is not None else at.astimezone()
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if not is_told(at):
        raise ValueError(f"{text} is beyond the calendar")
    return at


def parse_moment(text: str, now: datetime) -> datetime:
    """Return a time in the past: an ISO one, a length before `now`, or the begin of a day.

    Days are `today`, `yesterday` and the last `monday` …, where `now` is; times without a zone are
    the machine's. Raises ValueError.
    """
    days = _days_ago(text.strip().lower(), now)
    if days is not None:
        return (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        return parse_time(text)


def _days_ago(word: str, now: datetime) -> int | None:
    if word in ("today", "yesterday"):
        return int(word == "yesterday")
    day = weekday(word)
    return None if day is None else (now.weekday() - day) % len(_WEEKDAYS)


def weekday(word: str) -> int | None:
    """Return the number of a day of the week, Monday's being 0, by its name or its beginning."""
    if len(word) < _WEEKDAY_LETTERS:
        return None
    fits = (n for n, name in enumerate(_WEEKDAYS) if name.startswith(word.lower()))
    return next(fits, None)
