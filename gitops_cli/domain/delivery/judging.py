"""What a change of a recorded version was: a deployment, a way back, or neither.

docs/report.md says the same to people, and what the figures made of it are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

_NONE = timedelta(0)
# What writes down versions that run already, or that another environment has.
_SETTING_UP = {Verb.CAPTURE.value, Verb.ENV.value, Verb.RENAME.value}


class VersionChange(NamedTuple):
    """One change of a recorded version. None for `old`: new there; for `new`: removed.

    `source_time` is when the new version's commit was made. `recorded` is when the old one was
    recorded, where that was before all changes that are known.
    """

    environment: EnvironmentName
    service: ServiceName
    old: Version | None
    new: Version | None
    at: datetime
    commit: str
    action: str = ""
    source_time: datetime | None = None
    recorded: datetime | None = None


class Sort(StrEnum):
    """What a change was."""

    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"
    REMOVAL = "removal"
    OTHER = "other"


class Judged(NamedTuple):
    """A change, and what came of it.

    `failed`: when what it deployed was taken back. `lead`: from the source's commit until it was
    recorded, for the first time that it was. `lasted`: of a way back, how long what it took back
    had been recorded. None: it was not, or nobody knows.
    """

    change: VersionChange
    sort: Sort
    failed: datetime | None = None
    lead: timedelta | None = None
    lasted: timedelta | None = None


def judged(newest_first: Iterable[VersionChange]) -> list[Judged]:
    """Judge changes of any services in any environments; the order stays as it is."""
    given = list(newest_first)
    places: dict[tuple[EnvironmentName, ServiceName], list[int]] = {}
    for place, change in enumerate(given):
        places.setdefault((change.environment, change.service), []).append(place)
    found: dict[int, Judged] = {}
    for here in places.values():
        oldest_first = here[::-1]
        past = _Past()
        for change in (given[place] for place in oldest_first):
            past.add(change)
        found |= zip(oldest_first, past.judged, strict=True)
    return [found[place] for place in range(len(given))]


class _Past:
    """The past of one service in one environment, as a stack that ways back take from."""

    def __init__(self) -> None:
        self.judged: list[Judged] = []
        self._stack: list[tuple[str, int | None]] = []
        self._seen: set[str] = set()

    def add(self, change: VersionChange) -> None:
        """Take the next change, the oldest first."""
        if not self.judged and change.old is not None:
            self._stack.append((change.old.tag, None))
            self._seen.add(change.old.tag)
        sort = self._sort(change)
        lead = lasted = None
        match sort:
            case Sort.DEPLOYMENT:
                lead = self._lead(change)
            case Sort.ROLLBACK:
                lasted = self._lasted(change)
                self._take_back(change)
            case Sort.REMOVAL:
                self._stack.clear()
        if change.new is not None and sort is not Sort.ROLLBACK:
            self._stack.append((change.new.tag, len(self.judged)))
            self._seen.add(change.new.tag)
        self.judged.append(Judged(change, sort, None, lead, lasted))

    def _sort(self, change: VersionChange) -> Sort:
        if change.new is None:
            return Sort.REMOVAL
        if change.old is not None and change.old.tag == change.new.tag:
            return Sort.OTHER  # its digest was pinned
        ran_before = change.new.tag in [tag for tag, _ in self._stack]
        if change.action == Verb.ROLLBACK or (ran_before and change.old is not None):
            return Sort.ROLLBACK
        return Sort.OTHER if change.action in _SETTING_UP else Sort.DEPLOYMENT

    def _lead(self, change: VersionChange) -> timedelta | None:
        if change.new is None or change.source_time is None or change.new.tag in self._seen:
            return None
        return max(change.at - change.source_time, _NONE)

    def _lasted(self, change: VersionChange) -> timedelta | None:
        began = self.judged[-1].change.at if self.judged else change.recorded
        return None if began is None else max(change.at - began, _NONE)

    def _take_back(self, change: VersionChange) -> None:
        tag = "" if change.new is None else change.new.tag
        while self._stack and self._stack[-1][0] != tag:
            _, place = self._stack.pop()
            if place is not None:
                self.judged[place] = self.judged[place]._replace(failed=change.at)
        if not self._stack:
            self._stack.append((tag, None))


def left_at(newest_first: Sequence[VersionChange], version: Version) -> datetime | None:
    """Return when a service went on from a version for good; None: not in these changes."""
    for change in newest_first:
        if change.old is not None and change.old.tag == version.tag != _tag(change.new):
            return change.at
    return None


def _tag(version: Version | None) -> str | None:
    return None if version is None else version.tag
