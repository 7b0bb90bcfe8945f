"""How long to wait before a server is asked again."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0  # seconds; who asks for more is no longer asked


def retry_after(text: str, now: datetime | None = None) -> float | None:
    """Return the seconds a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3).

    Never more than an hour, whatever it says; None where it says nothing.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return LONGEST if len(text) > 6 else min(float(text), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(0.0, seconds), LONGEST)


def jitter(least: float, most: float) -> float:
    """Return a time between the two, so that many who were told the same do not come together."""
    return random.uniform(least, most)  # noqa: S311 - spreads load, no secret


def backoff(attempt: int) -> float:
    """Return how long to wait after the attempt of this number: doubling from half a second."""
    return jitter(0, 0.5 * 2 ** min(attempt, 5))


def pause(seconds: float, end: float) -> bool:
    """Sleep, and return True; return False at once if `end` (time.monotonic()) would come first."""
    if time.monotonic() + seconds >= end:
        return False
    time.sleep(seconds)
    return True
