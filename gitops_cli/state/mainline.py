"""The commits that a branch was at, newest first, read only as far as somebody asks.

git walks first parents. They are what the branch was at, but for the merges of `git pull`
(`parent_on`), and a walk limited to a file does not tell that it passed one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import count

from gitops_cli.domain.past.commits import Commit, parent_on
from gitops_cli.git.objects import ObjectReader

Walk = Callable[..., Generator[list[str], None, None]]

SOON = 4_000
"""Commits after which git is asked whether there are merges of `git pull` further down at all."""


class Mainline:
    """The line from one commit down; all files of a history share it.

    `is_straight`: somebody knows that it has no merge of `git pull`.
    """

    def __init__(
        self,
        start: str,
        walk: Walk,
        reader: ObjectReader,
        branch: str | None,
        *,
        soon: int = SOON,
    ) -> None:
        self._start = start
        self._branch = branch
        self._reader = reader
        self._walk = walk
        self._soon = soon
        self.is_straight = False
        self._has_pulls_below: bool | None = None
        self._bulks = self._read(start)
        self._commits: list[str] = []
        self._places: dict[str, int] = {}
        self._pulls: list[tuple[int, Commit]] = []

    def close(self) -> None:
        """End git's walk."""
        self._bulks.close()

    def commits(self) -> Iterator[str]:
        """Yield the commits, newest first."""
        for place in count():
            while place >= len(self._commits):
                if not self._advance():
                    return
            yield self._commits[place]

    def place(self, commit: str) -> int | None:
        """Return how many commits are newer than this one; None if it is not on the line."""
        while commit not in self._places and self._advance():
            pass
        return self._places.get(commit)

    def first_pull(self, start: str, until: str | None) -> Commit | None:
        """Return the newest merge of `git pull` from `start` on, at or above `until`.

        Both are on the line, `until` below `start`; None: the line's end.
        """
        if self.is_straight:
            return None
        place = self.place(start) or 0
        while True:
            found = bisect_left(self._pulls, place, key=lambda pull: pull[0])
            if found < len(self._pulls):
                at, merge = self._pulls[found]
                beyond = until in self._places and self._places[str(until)] < at
                return None if beyond else merge
            if until in self._places or not self._may_pull_below() or not self._advance():
                return None

    def _may_pull_below(self) -> bool:
        """Tell whether to read on for pulls.

        Nearly no branch has any; git tells that for itself in a tenth of the time that it takes to
        hand over all commits. Who asks for the newest only need not wait for that, either.
        """
        if self._has_pulls_below is None and len(self._commits) >= self._soon:
            with closing(self._walk(self._commits[-1], "--merges")) as bulk:
                merges = (self._pull(commit) for lines in bulk for commit in lines)
                self._has_pulls_below = any(merge is not None for merge in merges)
        return self._has_pulls_below is not False

    def _advance(self) -> bool:
        """Read some commits more; tells whether there were any."""
        return next(self._bulks, None) is not None

    def _read(self, start: str) -> Generator[int, None, None]:
        """Yield how many commits were placed."""
        following: str | None = start
        while following is not None:
            with closing(self._walk(following, "--parents")) as bulk:
                following = None
                for lines in bulk:
                    following = self._take(lines)
                    yield len(lines)
                    if following is not None:
                        break

    def _take(self, lines: list[str]) -> str | None:
        """Place commits, down to a merge of `git pull`; return where the branch went from there."""
        size = len(self._start)
        for number, line in enumerate(lines):
            has_several_parents = len(line) > 2 * size + 1
            if has_several_parents and (merge := self._pull(line[:size])) is not None:
                self._place(lines[: number + 1])
                self._pulls.append((len(self._commits) - 1, merge))
                return parent_on(merge, self._branch)
        self._place(lines)
        return None

    def _place(self, lines: list[str]) -> None:
        size = len(self._start)
        commits = [line[:size] for line in lines]
        self._places.update(zip(commits, count(len(self._commits))))
        self._commits += commits

    def _pull(self, commit: str) -> Commit | None:
        found = self._reader.commit(commit)
        if found is None or parent_on(found, self._branch) == found.parents[0]:
            return None
        return found
