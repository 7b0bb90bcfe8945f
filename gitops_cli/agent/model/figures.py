"""What a monitoring wants to know of environments: figures, before they have a format."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from gitops_cli.agent.model.outcome import Round, Visit
from gitops_cli.agent.model.status import AgentStatus
from gitops_cli.domain.names import EnvironmentName


class AgentFigures(NamedTuple):
    """One environment. What is None is not known, and is not told.

    `behind_since` is the time of the oldest state commit that it does not follow yet; None: it
    follows the tip, if `lag_is_known`. `drift` counts services whose workload is not as recorded.
    """

    environment: EnvironmentName
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    is_failing: bool | None = None
    lag_is_known: bool = False
    behind_since: datetime | None = None
    drift: int | None = None

    def lag(self, now: datetime) -> float | None:
        """Return for how many seconds git has been ahead; a wrong clock makes it nothing."""
        if not self.lag_is_known:
            return None
        since = self.behind_since
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())


class ProcessCounts(NamedTuple):
    """What an agent's process has counted since it began; `requests` by whom they went to."""

    rounds: int
    failures: Mapping[EnvironmentName, int]
    mended: Mapping[EnvironmentName, int]


def figures_of(status: AgentStatus, *, behind_since: datetime | None, known: bool) -> AgentFigures:
    """Return what an agent's status says; `known`: whether the tip is, that it should follow."""
    return AgentFigures(
        status.environment,
        status.last_attempt,
        status.last_success,
        None if status.last_attempt is None else status.error is not None,
        known and status.commit is not None,
        behind_since,
    )


class Tally:
    """Adds up an agent's rounds; another thread may read meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rounds = 0
        self._failures: Counter[EnvironmentName] = Counter()
        self._mended: Counter[EnvironmentName] = Counter()
        self._figures: dict[EnvironmentName, AgentFigures] = {}

    def note(self, result: Round) -> None:
        """Add a round."""
        with self._lock:
            self._rounds += 1
            for visit in result.visits:
                self._note_visit(visit, result)

    def _note_visit(self, visit: Visit, result: Round) -> None:
        status = visit.status
        name = status.environment
        self._failures[name] += status.error is not None
        self._mended[name] += visit.mended
        before = self._figures.get(name)
        since = before.behind_since if before is not None else None
        known = True
        if result.tip is None:  # the remote did not answer: what was known of it still is
            known = before is not None and before.lag_is_known
        elif status.commit == result.tip:
            since = None
        else:
            since = since or result.committed_at or status.last_attempt
        figures = figures_of(status, behind_since=since, known=known)
        self._figures[name] = figures._replace(drift=visit.drift)

    def read(self) -> tuple[list[AgentFigures], ProcessCounts]:
        """Return what there is by now."""
        with self._lock:
            figures = [self._figures[name] for name in sorted(self._figures)]
            return figures, ProcessCounts(self._rounds, dict(self._failures), dict(self._mended))
