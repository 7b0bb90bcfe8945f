"""The four figures of delivery, for any part of the changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from gitops_cli.domain.delivery.judging import Judged, Sort
from gitops_cli.domain.values import NamedTuple

WEEK = timedelta(days=7)


class Period(NamedTuple):
    """From when to when; the first may be when the branch begins."""

    since: datetime
    until: datetime

    @property
    def weeks(self) -> float:
        """Return how many weeks it has; never none."""
        return max((self.until - self.since) / WEEK, 1 / 7)

    def by_week(self, times: Iterable[datetime]) -> tuple[int, ...]:
        """Return how many times lie in each seven days; the last ones are the last."""
        counts = [0] * max(ceil((self.until - self.since) / WEEK), 1)
        last = len(counts) - 1
        weeks = Counter((self.until - at).days // 7 for at in times)
        for week, count in weeks.items():
            counts[min(max(week, 0), last)] += count
        return tuple(counts[::-1])


class Spread(NamedTuple):
    """Of how many lengths of time, their median, and what nine of ten do not exceed."""

    known: int = 0
    median: timedelta | None = None
    most: timedelta | None = None


class Figures(NamedTuple):
    """What was delivered. `weeks` has the number of deployments of each week, the last one last."""

    deployments: int
    per_week: float
    failed: int
    rollbacks: int
    lead: Spread
    restore: Spread
    weeks: tuple[int, ...]

    @property
    def failure_rate(self) -> float | None:
        """Return which part of the deployments was taken back; None without any."""
        return self.failed / self.deployments if self.deployments else None


def figures_of(changes: Iterable[Judged], period: Period) -> Figures:
    """Return the figures of some changes, all of which lie in the period."""
    given = list(changes)
    deployment, rollback = Sort.DEPLOYMENT, Sort.ROLLBACK  # looked up once, not for each
    deployed = [each for each in given if each.sort is deployment]
    back = [each for each in given if each.sort is rollback]
    return Figures(
        len(deployed),
        len(deployed) / period.weeks,
        sum(each.failed is not None for each in deployed),
        len(back),
        _spread([each.lead for each in deployed]),
        _spread([each.lasted for each in back]),
        period.by_week(each.change.at for each in deployed),
    )


def _spread(lengths: Sequence[timedelta | None]) -> Spread:
    known = sorted(length for length in lengths if length is not None)
    if not known:
        return Spread()
    nine_of_ten = known[-(-9 * len(known) // 10) - 1]
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    return Spread(len(known), middle, nine_of_ten)
