"""Times of a branch's commits, put into the order of the branch: clocks go wrong, it does not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def in_order(newest_first: Sequence[int]) -> list[int]:
    """Return the times so that none is later than that of a newer commit.

    As few as possible are taken for wrong, be they too early or too late; each of those gets the
    time of the next older commit that is right, or of the next newer one where there is none.
    """
    right = _longest_in_order(newest_first[::-1])
    oldest_first: list[int] = []
    last: int | None = None
    for place, at in enumerate(newest_first[::-1]):
        if place in right:
            last = at
        oldest_first.append(at if last is None else last)
    first = next((i for i in range(len(oldest_first)) if i in right), 0)
    oldest_first[:first] = oldest_first[first : first + 1] * first
    return oldest_first[::-1]


def _longest_in_order(times: Sequence[int]) -> set[int]:
    """Return the places of a longest part of the sequence that never goes down."""
    ends: list[int] = []  # the smallest last time of such a part, by its length
    places: list[int] = []
    before: list[int | None] = []
    for place, at in enumerate(times):
        length = bisect_right(ends, at)
        before.append(places[length - 1] if length else None)
        ends[length : length + 1] = [at]
        places[length : length + 1] = [place]
    found: set[int] = set()
    following = places[-1] if places else None
    while following is not None:
        found.add(following)
        following = before[following]
    return found
