"""Deadlines, moments of time.monotonic(), and what cannot be given one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def left(deadline: float, most: float | None = None) -> float:
    """Return the seconds until a deadline, `most` at most; raises TimeoutError if none are left."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds if most is None else min(seconds, most)


def bounded(work: Callable[[], T], seconds: float) -> T:
    """Return what `work` returns, or raise what it raises; TimeoutError if it takes longer.

    It is then left to a thread that ends with the process.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"not done within {seconds:.0f} s")
    return results[0]
