"""Connects again while the server drops new connections, as a busy sshd does by default.

With MaxStartups 10:30:100 sshd closes connections at random when more than ten are logging in. The
words are those of ssh and curl, which do not translate them; they only tell whether trying again
can help.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from gitops_cli.domain.errors import TimedOut
from gitops_cli.git.process import Done

_DROPPED = (
    r"Connection (closed|reset) by|(kex|ssh)_exchange_identification:|during banner exchange"
    r"|Empty reply from server"
)
_SPAN, _CAP = 0.5, 20.0  # seconds; the full jitter of the write transaction


def insist(run: Callable[[float], Done], *, timeout: float) -> Done:
    """Run git, told how many seconds it has, until it is not dropped or no time is left.

    Raises TimedOut if the first try takes longer than that.
    """
    deadline = time.monotonic() + timeout
    tries = 0
    done = run(timeout)
    while True:
        delay = chance() * min(_CAP, _SPAN * 2**tries)
        if done.code == 0 or delay >= deadline - time.monotonic():
            return done
        if not re.search(_DROPPED, done.err):
            return done
        tries += 1
        time.sleep(delay)
        try:
            done = run(deadline - time.monotonic())
        except TimedOut:  # the last try had little time; why the others failed says more
            return done


def chance() -> float:
    """Return a random number from 0 to 1; importing `random` takes milliseconds."""
    return int.from_bytes(os.urandom(4)) / 2**32
