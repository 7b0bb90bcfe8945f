"""What happened to all files of the state since a time, read in one walk of the branch.

`History.of_file` follows one file through everything; this reads a part of the branch once, for
whoever wants all of them: a process of git for each of thousands of files would take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache

from gitops_cli.domain.errors import GitError
from gitops_cli.domain.past.clocks import in_order
from gitops_cli.domain.past.commits import Commit, FileChange, time_of
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.objects import Object, parse_commit
from gitops_cli.state.history import CUT, History
from gitops_cli.state.log import BranchStep, RawChange, parse_header
from gitops_cli.state.steps import steps

ENOUGH = 100  # commits in a row that are older: no clock is wrong for so long


class Recent(NamedTuple):
    """What the branch did since a time, newest first.

    Each change stands with the name that its file has today, or had last. The commits' times are
    in the order of the branch. `begins` is when the branch does, if that was seen.
    """

    changes: tuple[tuple[str, FileChange], ...]
    begins: datetime | None


class _Read(NamedTuple):
    """A commit of the branch with what it changed of the wanted files."""

    step: BranchStep
    at: datetime
    lines: tuple[RawChange, ...]


def recent_changes(
    history: History,
    tip: str,
    wanted: Callable[[str], bool],
    *,
    since: datetime | None,
    now: datetime,
) -> Recent:
    """Return the changes of the wanted files (by their paths) since a time; None: all of them."""
    walked, is_whole = _walk(history, tip, since)
    times = in_order([min(step.at, int(now.timestamp())) for step in walked])
    begin = None if since is None else since.timestamp()
    is_wanted = cache(wanted)
    read = [
        _Read(step, time_of(at), lines)
        for step, at in zip(walked, times, strict=True)
        if (begin is None or at >= begin)
        and (lines := tuple(parse_header(h, p) for p, h in step.changed.items() if is_wanted(p)))
    ]
    changes = _FileChanges(history, read, {step.commit for step in walked})
    return Recent(tuple(changes), time_of(times[-1]) if is_whole and times else None)


def _walk(history: History, tip: str, since: datetime | None) -> tuple[list[BranchStep], bool]:
    """Return the branch's commits down to where all are older, and whether it is all of it."""
    found: list[BranchStep] = []
    older, limit = 0, None if since is None else since.timestamp()
    with closing(steps(history, tip, tells=True)) as walk:
        for step in walk:
            found.append(step)
            older = older + 1 if limit is not None and step.at < limit else 0
            if older == ENOUGH:
                return found, False
    return found, True


class _FileChanges:
    """The changes of the commits that were read, with content, messages and names of today."""

    def __init__(self, history: History, read: Sequence[_Read], branch: set[str]) -> None:
        self._history = history
        self._read = read
        self._branch = branch
        oids = {oid for each in read for line in each.lines for oid in (line.old, line.new)}
        named = [oid for oid in oids if oid.strip("0")]
        blobs = zip(named, history.reader.many(named, limit=CUT), strict=True)
        self._contents = {oid: each.data for oid, each in blobs if each and each.type == "blob"}
        self._commits = {each.step.commit: each.step.parsed(each.at) for each in read}
        merged = [c.parents[1] for c in self._commits.values() if len(c.parents) == 2]
        self._merged = self._parsed(merged)
        self._names: dict[str, str] = {}

    def _parsed(self, hashes: Sequence[str]) -> dict[str, Commit]:
        found = self._history.reader.many(hashes)
        return {
            name: parse_commit(_there(each, name)) for name, each in zip(hashes, found, strict=True)
        }

    def __iter__(self) -> Iterator[tuple[str, FileChange]]:
        for each in self._read:
            commit = self._commits[each.step.commit]
            moved = self._moved(each, commit)
            left = set(moved.values())
            for line in each.lines:
                if line.path in left and line.status == "D":
                    continue
                old = moved.get(line.path)
                change = FileChange(
                    line.path, commit, self._content(line.old), self._content(line.new)
                )
                if old is not None:
                    change = change._replace(old=self._content(_old_of(old, each.step)))
                if change.old != change.new:
                    yield self._names.get(line.path, line.path), self._with_origin(change)
            for path, old in moved.items():
                self._names[old] = self._names.get(path, path)

    def _content(self, oid: str) -> bytes | None:
        return self._contents.get(oid)

    def _moved(self, each: _Read, commit: Commit) -> dict[str, str]:
        """Return the new paths of a commit whose files had another name before: new → old."""
        lines = each.lines
        if len(lines) < 2 or not any(line.status == "D" for line in lines):
            return {}
        all_lines = [parse_header(header, path) for path, header in each.step.changed.items()]
        added = (line for line in lines if line.status == "A")
        sources = (
            (line.path, self._history.moved_from(self._as_new(line, commit), all_lines))
            for line in added
        )
        return {path: source for path, source in sources if source is not None}

    def _as_new(self, line: RawChange, commit: Commit) -> FileChange:
        return FileChange(line.path, commit, None, self._content(line.new))

    def _with_origin(self, change: FileChange) -> FileChange:
        """Add the commit inside a merge that made the change.

        A merged branch of one commit is that commit; git need not be asked for each.
        """
        parents = change.commit.parents
        if len(parents) < 2:
            return change
        inner = self._merged.get(parents[1])
        if (
            inner is not None
            and len(inner.parents) == 1
            and inner.parents[0] in self._branch
            and not self._history.is_pull(change.commit)
        ):
            return change._replace(origin=inner)
        return self._history.with_origin(change)


def _old_of(path: str, step: BranchStep) -> str:
    return parse_header(step.changed[path], path).old


def _there(found: Object | None, name: str) -> Object:
    if found is None:
        raise GitError(f"commit {name} is missing; try `git fsck`")
    return found
