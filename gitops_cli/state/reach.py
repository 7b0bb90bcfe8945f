"""How to reach a repository."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitops_cli.git.library import Watch


class Reach(NamedTuple):
    """How to reach a repository: chosen once, by the command line.

    `usual` (seconds) limits each connection, `deadline` (of time.monotonic) all of them. `watch`
    hears how far a long fetch is; without it `notify` hears that there is one.
    """

    environment: Mapping[str, str]
    rev: str | None
    offline: bool
    usual: float
    notify: Callable[[str], None]
    deadline: float | None = None
    watch: Watch | None = None

    @property
    def timeout(self) -> float:
        """Return how many seconds the next connection may take."""
        if self.deadline is None:
            return self.usual
        return max(0.0, min(self.usual, self.deadline - time.monotonic()))
