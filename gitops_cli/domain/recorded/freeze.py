"""Freeze windows: times, weekly or once, in which no version is recorded."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from gitops_cli.domain.stamp import weekday

_WEEK = timedelta(days=7)
_REPEATED = timedelta(hours=2)  # no zone puts its clock back by more at once
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
        # On the wall clock: a window that begins at 16:00 does so in summer and in winter. In the
        # hour that comes twice in autumn it begins with the first and ends with the second time,
        # and is open in between without a gap.
        wall = now.astimezone(self.zone)
        end = self.end.before(self._begun(wall)) + _WEEK
        twice = _comes_twice(end, self.zone)
        closing = end.replace(tzinfo=self.zone, fold=int(twice))
        is_over = closing <= now if twice else wall.replace(tzinfo=None) >= end
        return None if is_over else closing

    def _begun(self, wall: datetime) -> datetime:
        """Return when the window last began, on the local clock."""
        if wall.fold:  # what the repeated hour has was there once already
            later = self.begin.before(wall.replace(tzinfo=None) + _REPEATED)
            if _comes_twice(later, self.zone):
                return later
        return self.begin.before(wall.replace(tzinfo=None))


class SingleWindow(NamedTuple):
    """Once, from `begin` to `end` (aware times)."""

    text: str
    begin: datetime
    end: datetime

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window ends if `now` (aware) lies in it, else None."""
        return self.end if self.begin <= now < self.end else None


def _comes_twice(wall: datetime, zone: tzinfo) -> bool:
    """Tell whether the local clock shows a time twice, because it is put back."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


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
        return SingleWindow(text, first, last.replace(fold=int(_comes_twice(last, zone_info))))
    raise ValueError(f"`{text}` is not a freeze window; {_EXAMPLE}")


def _moment(day: str, hour: str, minute: str) -> _Moment:
    number = weekday(day)
    if number is None or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"`{day} {hour}:{minute}` is not a time of the week; {_EXAMPLE}")
    return _Moment(number, int(hour), int(minute))


def _time(text: str, zone: tzinfo) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise ValueError(f"`{text}` is not a day and time of the calendar; {_EXAMPLE}") from None


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 5 ms, for teams that freeze

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"`{name}` is not a time zone; write one like Europe/Warsaw or UTC"
        ) from None
