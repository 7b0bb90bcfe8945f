"""The commits that a branch was at, newest first, read only as far as somebody asks.

git walks first parents. They are what the branch was at, but for the merges of `git pull`
(`parent_on`), and a walk limited to a file does not tell that it passed one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator
from contextlib import closing

from gitops_cli.domain.commits import Commit, parent_on
from gitops_cli.state.objects import ObjectReader

Walk = Callable[..., Generator[str, None, None]]


class Mainline:
    """The line from one commit down; all files of a history share it."""

    def __init__(self, start: str, walk: Walk, reader: ObjectReader, branch: str | None) -> None:
        self._branch = branch
        self._reader = reader
        self._entries = self._read(start, walk)
        self._places: dict[str, int] = {}
        self._pulls: list[tuple[int, Commit]] = []

    def close(self) -> None:
        """End git's walk."""
        self._entries.close()

    def first_pull(self, start: str, until: str | None) -> Commit | None:
        """Return the newest merge of `git pull` from `start` on, at or above `until`.

        Both are on the line, `until` below `start`; None: the line's end.
        """
        while start not in self._places and self._advance():
            pass
        place = self._places.get(start, 0)
        while True:
            found = bisect_left(self._pulls, place, key=lambda pull: pull[0])
            if found < len(self._pulls):
                at, merge = self._pulls[found]
                beyond = until in self._places and self._places[str(until)] < at
                return None if beyond else merge
            if until in self._places or not self._advance():
                return None

    def _advance(self) -> bool:
        """Read one commit more; tells whether there was one."""
        return next(self._entries, None) is not None

    def _read(self, start: str, walk: Walk) -> Generator[str, None, None]:
        following: str | None = start
        while following is not None:
            with closing(walk(following, "--parents")) as lines:
                following = None
                for line in lines:
                    commit, *parents = line.split(" ")
                    place = self._places.setdefault(commit, len(self._places))
                    merge = self._pull(commit) if len(parents) > 1 else None
                    if merge is not None:
                        self._pulls.append((place, merge))
                        following = parent_on(merge, self._branch)
                    yield commit
                    if merge is not None:
                        break

    def _pull(self, commit: str) -> Commit | None:
        found = self._reader.commit(commit)
        if found is None or parent_on(found, self._branch) == found.parents[0]:
            return None
        return found
