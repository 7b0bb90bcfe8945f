"""What the branch that holds the state was at before: opened when first asked for.

Every question fetches the history that is missing here. Imports inside functions are for start-up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitError
from gitops_cli.domain.past.commits import FileChange, LastChange
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.text import one_line
from gitops_cli.state.branches import Branch, short_name
from gitops_cli.state.reach import Reach
from gitops_cli.state.store import Store

if TYPE_CHECKING:
    from gitops_cli.state.history import History
    from gitops_cli.state.recent import Recent


class Past:
    """The commits that one repository's branch was at."""

    def __init__(self, description: str, store: Store, reach: Reach, branch: Branch) -> None:
        self._description = description
        self._store = store
        self._reach = reach
        self._branch = branch
        self._opened: History | None = None
        self._removed: tuple[str, Mapping[str, str]] | None = None

    def close(self) -> None:
        """End the processes that serve reading; the next question starts them again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def complete(self, wanted: str | None = None) -> None:
        """Make sure that the whole history is here, or that of a commit; RemoteUnreachable."""
        reach = self._reach
        if reach.watch is None and self._store.is_shallow and not self._store.has_whole:
            reach.notify(f"fetching the history of {self._description}")
        self._store.complete(wanted, offline=reach.offline, timeout=reach.timeout)

    def commit_at(self, when: datetime, *, start: str) -> str | None:
        """Return the commit that was the tip of the branch at a time; None before the first."""
        return self._history(start).commit_at(when, start)

    def file_history(
        self,
        path: str,
        *,
        start: str,
        limit: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        renames: bool = False,
        in_bulk: bool = False,
    ) -> Iterator[FileChange]:
        """Yield what happened to a file on the branch, newest first, from the commit `start` on.

        Follows what the branch was at, so the values form one chain: each `old` is the `new` of the
        change before. Follows renames of the file and of its environment; `renames`: yields them.
        `in_bulk`: nobody waits for the newest.
        """
        history = self._history(start)
        if in_bulk:
            history = history.in_bulk()
        return history.of_file(path, start, limit=limit, since=since, until=until, renames=renames)

    def place_history(
        self, path: str, *, start: str, since: datetime | None = None
    ) -> Iterator[FileChange]:
        """Yield when a file or a directory changed on the branch, newest first.

        Contents are hashes of git's; renames are not followed.
        """
        return self._history(start).of_place(path, start, since=since)

    def paths_of(self, change: FileChange) -> list[str]:
        """Return which files a change of `place_history` changed."""
        from gitops_cli.state.trees import paths_between

        reader = self._history(change.commit.hash).reader
        return paths_between(reader, change.path, change.old, change.new)

    def held_below(self, commit: str, directory: str) -> Mapping[str, HeldFile]:
        """Return the files below a directory of any commit as they stand there, links as links.

        Raises InvalidState for what is too large.
        """
        from gitops_cli.state.trees import held_files

        reader = self._store.reader
        if reader.commit(commit) is None:
            reader = self._history(commit).reader
        return held_files(reader, commit, directory)

    def changes(self, commit: str) -> tuple[FileChange, ...]:
        """Return what one commit did to every file, against what the branch was at before."""
        return self._history(commit).of_commit(commit)

    def differing_at_top(self, old: str, new: str) -> Mapping[str, bool]:
        """Return what stands at the top of `new` and is other in `old`: name → is a directory."""
        from gitops_cli.git.objects import TREE_MODE

        before, now = (
            self._history(commit).reader.tree(f"{commit}^{{tree}}") for commit in (old, new)
        )
        same = {(entry.name, entry.oid) for entry in before}
        return {
            entry.name: entry.mode.lstrip("0") == TREE_MODE
            for entry in now
            if (entry.name, entry.oid) not in same
        }

    def differing(self, old: str, new: str) -> Mapping[str, bool]:
        """Return what two commits do not have alike: path → whether `new` has it.

        A directory that only one of them has is one path, with a slash at its end.
        """
        from gitops_cli.state.trees import differing

        reader = self._store.reader
        if any(reader.commit(commit) is None for commit in (old, new)):
            self._history(old)
            reader = self._history(new).reader
        return dict(differing(reader, f"{old}^{{tree}}", f"{new}^{{tree}}"))

    def file(self, commit: str, path: str) -> bytes | None:
        """Return a regular file of any commit; None where there is none. Raises InvalidState."""
        from gitops_cli.state.trees import committed_file

        return committed_file(self._history(commit).reader, commit, path)

    def branch_commits(self, start: str) -> Iterator[str]:
        """Yield every commit that the branch was at, newest first, from `start` on."""
        return self._history(start).commits(start)

    def recent_commits(self, start: str, *, under: str | None, limit: int) -> list[str]:
        """Return the branch's commits from `start` on, newest first, that changed a directory."""
        with closing(self._history(start).walk(start, *(["--", under] if under else []))) as lines:
            return list(islice(lines, limit))

    def last_changes(self, paths: Iterable[str], *, tip: str) -> Mapping[str, LastChange]:
        """Return the last change of each path that exists at `tip`."""
        from gitops_cli.git.cache import cache_directory
        from gitops_cli.state.last_changes import last_changes

        history = self._history(tip)
        return last_changes(history, frozenset(paths), tip, cache_directory(os.environ))

    def recordings(self, paths: Iterable[str], *, tip: str) -> Mapping[str, LastChange]:
        """Return when what each path holds at `tip` was recorded, under whatever name."""
        found = self.last_changes(paths, tip=tip)
        renamed = {path: change for path, change in found.items() if change.renames}
        if not renamed:
            return found
        from gitops_cli.git.cache import cache_directory
        from gitops_cli.state.recordings import before_renames

        history = self._history(tip)
        return {**found, **before_renames(history, renamed, cache_directory(os.environ))}

    def removed_files(self, *, tip: str) -> Mapping[str, str]:
        """Return the paths that were there once and are not at `tip`, with who removed them."""
        from gitops_cli.git.cache import cache_directory
        from gitops_cli.state.last_changes import removed_files

        if self._removed is None or self._removed[0] != tip:
            found = removed_files(self._history(tip), tip, cache_directory(os.environ))
            self._removed = tip, found
        return self._removed[1]

    def recent_changes(
        self, tip: str, wanted: Callable[[str], bool], *, since: datetime | None, now: datetime
    ) -> Recent:
        """Return what happened to the wanted files since a time, in one walk of the branch.

        Follows what file_history follows.
        """
        from gitops_cli.state.recent import recent_changes

        return recent_changes(self._history(tip), tip, wanted, since=since, now=now)

    def name_at(self, path: str, *, start: str, commit: str) -> str:
        """Return the path at `commit` of the file that has the path `path` at `start`.

        Follows what file_history follows.
        """
        return self._history(start).name_at(path, start, commit)

    def is_renamed(self, path: str, commit: str) -> bool:
        """Tell whether a path that vanished in a commit lives on in it under another name."""
        return self._history(commit).is_renamed(path, commit)

    def _history(self, commit: str) -> History:
        from gitops_cli.state.history import History

        self.complete(commit)
        if self._store.whole.reader.commit(commit) is None:
            raise GitError(f"{self._description} has no commit {one_line(commit)}")
        whole, branch = self._store.whole, short_name(self._branch)
        if self._opened is None or (self._opened.git, self._opened.branch) != (whole.git, branch):
            self._opened = History(whole.git, whole.reader, branch, {})
        return self._opened
