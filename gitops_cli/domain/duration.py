"""Lengths of time as people write them: `90s`, `5m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
LONGEST = 100 * 365 * 86400  # seconds; beyond it the calendar ends
# Compiled when first used (`re` keeps it): most commands never do.
_PART = r"(\d{1,20}(?:\.\d{1,20})?)(d|h|m|s)"


def parse_duration(text: str) -> float:
    """Return `text` in seconds; a bare number means seconds. Raises ValueError."""
    seconds = _seconds(text)
    if seconds > LONGEST:
        raise ValueError(f"`{text}` is longer than a hundred years")
    return seconds


def _seconds(text: str) -> float:
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        return float(stripped)
    parts = re.findall(_PART, stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        raise ValueError(f"`{text}` is not a duration; write 90s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def age(span: timedelta) -> str:
    """Return one or two units for people: `45s`, `12m`, `3h05m`, `6d`, `14mo`, `3y`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 10 * 3600:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
    if seconds < 86400:
        return f"{seconds // 3600}h"
    days = seconds // 86400
    if days < 90:
        return f"{days}d"
    return f"{days // 30}mo" if days < 730 else f"{days // 365}y"
