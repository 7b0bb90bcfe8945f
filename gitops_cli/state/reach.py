"""How to reach a repository, and what was reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from gitops_cli.domain.progress import Watch


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


class Tip(NamedTuple):
    """The commit a command works on.

    `commit` is None in a repository without commits. `fresh`: just read from the remote, or there
    is no remote; otherwise `note`, if any, says for stderr why not.
    """

    commit: str | None
    committed_at: datetime | None
    fresh: bool
    note: str | None = None
