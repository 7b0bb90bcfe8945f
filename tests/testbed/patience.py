"""How long tests wait until they call something slow. None says how fast anything is."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds until something that has to happen counts as never."""
HANGING = 25.0
"""Seconds after which what has a time-out of a few counts as hanging: more than a loaded machine
takes, less than the limits it would run into without one (30 s for a request, 60 s for git)."""


def eventually(look: Callable[[], object], *, timeout: float = PATIENCE) -> None:
    """Call until it returns something true, ever less often. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    pause = 0.01
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s")
        time.sleep(pause)
        pause = min(1.3 * pause, 0.2)  # each look costs the API server what others wait for
