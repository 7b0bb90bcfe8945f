"""How far something is that takes long: told by adapters, shown by the shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class HowFar(NamedTuple):
    """What is done just now, how much of it is, and of how much (None: nobody can tell)."""

    doing: str
    done: int
    total: int | None = None

    @property
    def amount(self) -> str:
        """Return it for people: `24% of 400,003`, `8 of 21`, or a number alone."""
        if self.total is None:
            return f"{self.done:,}" if self.done else ""
        if self.total < MANY:
            return f"{self.done} of {self.total}"
        return f"{100 * self.done // self.total}% of {self.total:,}"


MANY = 1000  # things, of which a share says more than a number

Watch = Callable[[HowFar | None], None]
"""Hears of it, from any thread; None: that is over."""
