"""How long a run may take with what it asks others: `--timeout`."""

from __future__ import annotations

import time

from gitops_cli.domain.errors import ForgeError, GitOpsError, RemoteUnreachable, TimedOut


class Limits:
    """What is left of a run's time.

    `deadline`, a time.monotonic(), is for all that is asked of git, clusters and forges;
    `question`, in seconds, is for each question to a registry. None: the usual limits.
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.question: float | None = None

    def begin(self, seconds: float | None) -> None:
        """Let all that is asked from now on take so long; said before the first is asked."""
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def left(self, usual: float) -> float:
        """Return how many seconds are left; without a limit the usual ones."""
        return usual if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def as_late(self, error: GitOpsError) -> GitOpsError:
        """Return the error as one of time, if nobody answered until the limit."""
        silent = (RemoteUnreachable, ForgeError)
        unanswered = isinstance(error, silent) and self.deadline is not None
        if not unanswered or self.left(0.0) > 0.0:
            return error
        return TimedOut(error.message, hint="--timeout allows more time")
