"""Freeze windows: times, weekly or once, in which no version is recorded."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = timedelta(days=7)
_EXAMPLE = (
    "write `Fri 16:00 - Mon 08:00 Europe/Warsaw` or `2026-12-20 00:00 - 2027-01-02 00:00 UTC`"
)
# Compiled when first used (`re` keeps it): most commands never do.
_WEEKLY = r"([A-Za-z]{3,9}) (\d\d?):(\d\d) - ([A-Za-z]{3,9}) (\d\d?):(\d\d) (\S+)\Z"
_ONCE = r"(\d{4}-\d\d-\d\d \d\d:\d\d) - (\d{4}-\d\d-\d\d \d\d:\d\d) (\S+)\Z"


class _Moment(NamedTuple):
    """A time of the week: day 0 is Monday."""

    day: int
    hour: int
    minute: int

    def before(self, now: datetime) -> datetime:
        """Return its last occurrence that is not after `now`, on the local clock."""
        days = timedelta(days=now.weekday() - self.day)
        at = (now - days).replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return at if at <= now else at - _WEEK


class WeeklyWindow(NamedTuple):
    """Every week from `begin` to `end` on the zone's clock; `text` is as it was written."""

    text: str
    zone: tzinfo
    begin: _Moment
    end: _Moment

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window ends if `now` (aware) lies in it, else None."""
        # On the wall clock: a window that begins at 16:00 does so in summer and in winter.
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        end = self.end.before(self.begin.before(wall)) + _WEEK
        if wall >= end:
            return None
        closing = end.replace(tzinfo=self.zone)
        # In the hour that comes twice in autumn the window ends with the second one.
        return closing if closing > now else closing.replace(fold=1)


class SingleWindow(NamedTuple):
    """Once, from `begin` to `end` (aware times)."""

    text: str
    begin: datetime
    end: datetime

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window ends if `now` (aware) lies in it, else None."""
        return self.end if self.begin <= now < self.end else None


FreezeWindow = WeeklyWindow | SingleWindow


def parse_freeze(text: str) -> FreezeWindow:
    """Read one window; raises ValueError with what is wrong and an example."""
    if weekly := re.match(_WEEKLY, text):
        day1, hour1, minute1, day2, hour2, minute2, zone = weekly.groups()
        begin, end = _moment(day1, hour1, minute1), _moment(day2, hour2, minute2)
        if begin == end:
            raise ValueError(f"`{text}` begins where it ends")
        return WeeklyWindow(text, _zone(zone), begin, end)
    if once := re.match(_ONCE, text):
        zone_info = _zone(once[3])
        first, last = (_time(part, zone_info) for part in once.group(1, 2))
        if first >= last:
            raise ValueError(f"`{text}` ends before it begins")
        return SingleWindow(text, first, last)
    raise ValueError(f"`{text}` is not a freeze window; {_EXAMPLE}")


def _moment(day: str, hour: str, minute: str) -> _Moment:
    fits = [index for index, name in enumerate(_DAYS) if name.startswith(day.lower())]
    if not fits or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"`{day} {hour}:{minute}` is not a time of the week; {_EXAMPLE}")
    return _Moment(fits[0], int(hour), int(minute))


def _time(text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 5 ms, for teams that freeze

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"`{name}` is not a time zone; write one like Europe/Warsaw or UTC"
        ) from None
