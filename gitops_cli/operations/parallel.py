"""Ask several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8  # each is a connection, or a few git processes


def ask_all(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return the answers in the items' order; the first error raised ends it."""
    waiting = list(items)
    if len(waiting) < 2:
        return [ask(item) for item in waiting]
    # It loads logging and queues, 10 ms that a command with nothing to ask need not wait for.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(AT_ONCE, len(waiting))) as pool:
        return list(pool.map(ask, waiting))
