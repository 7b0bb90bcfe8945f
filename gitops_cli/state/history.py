"""Walks the branch's history: what happened to a file, what a commit did, what was when.

Only what the branch was at. It is what was deployed, so a change counts from the commit that
brought it onto the branch; inside a merged pull request the file may have had values that never
ran anywhere. These commits are first parents, but for the merges of `git pull` (`parent_on`), and
along them the values of a file form one chain.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import PurePosixPath

from gitops_cli.domain.errors import GitError
from gitops_cli.domain.past.commits import Commit, FileChange, parent_on
from gitops_cli.domain.recorded.environment import KIND_OF_SUFFIX
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX, LOCK_SUFFIX, MAX_BYTES
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import Object, ObjectReader, parse_commit
from gitops_cli.git.process import Git
from gitops_cli.state.log import (
    CHUNK,
    BranchStep,
    RawChange,
    first_parents,
    parse_header,
    parse_raw,
    reading,
)
from gitops_cli.state.mainline import Mainline

_FOLLOWED = (*KIND_OF_SUFFIX, LOCK_SUFFIX, APPROVAL_SUFFIX)
_BATCH = 100  # commits whose objects are read in one round trip
CUT = MAX_BYTES + 1  # a longer file is no version file, and its beginning says as much


Of = Callable[["Object | None"], "bytes | None"]
"""What counts as the content of an object."""


class History(NamedTuple):
    """The whole history of a branch, from any of its commits on."""

    git: Git
    reader: ObjectReader
    branch: str | None
    lines: dict[str, Mainline]

    def close(self) -> None:
        """End the processes that walk the branch."""
        for line in self.lines.values():
            line.close()

    def in_bulk(self) -> History:
        """Return the same, of a git that does not hand over each commit by itself."""
        return self._replace(git=self.git.with_environment(GIT_FLUSH="0"))

    def commits(self, start: str) -> Iterator[str]:
        """Yield what the branch was at, newest first."""
        return self.line(start).commits()

    def of_file(
        self,
        path: str,
        start: str,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        renames: bool = False,
    ) -> Iterator[FileChange]:
        """Yield the file's changes, newest first; the times are those of the branch's commits.

        `renames`: those too that changed its name and nothing else. Every commit is compared with
        both times: a clock that was wrong once hides nothing.
        """
        wanted = (
            change
            for change in self._through_renames(path, start, renames=renames)
            if (since is None or change.commit.committed_at >= since)
            and (until is None or change.commit.committed_at <= until)
        )
        for change in islice(wanted, limit):
            yield self.with_origin(change)

    def of_place(
        self, path: str, start: str, *, since: datetime | None = None
    ) -> Iterator[FileChange]:
        """Yield when a file or a directory changed, newest first.

        Contents are the hashes of git's objects: that of a directory is another one when anything
        below it is. Renames are not followed.
        """
        for change in self._under_one_name(path, start, self.line(start), _hash):
            if since is None or change.commit.committed_at >= since:
                yield self.with_origin(change, _hash)

    def _through_renames(self, path: str, start: str, *, renames: bool) -> Iterator[FileChange]:
        for change, source in self._and_renames(path, start):
            if change.old != change.new or (renames and source is not None):
                yield change._replace(source=source)

    def _and_renames(self, path: str, start: str) -> Iterator[tuple[FileChange, str | None]]:
        """Yield the file's changes, each with the path it got its name from, if it got one."""
        line = self.line(start)
        while True:
            for change in self._under_one_name(path, start, line, _content):
                source = None if change.old is not None else self.moved_from(change)
                if source is None:
                    yield change, None
                    continue
                parent = str(self.before(change.commit))
                yield change._replace(old=self._blob(f"{parent}:{source}")), source
                path, start = source, parent
                break
            else:
                return

    def name_at(self, path: str, start: str, commit: str) -> str:
        """Return the path that the file had at an older commit, by what is certain of renames.

        Beside the branch there is no way to follow: there it is the newest name that exists.
        """
        line = self.line(start)
        place = line.place(commit)
        for change, source in self._and_renames(path, start):
            if place is None:
                is_there = self.reader.one(f"{commit}:{path}") is not None
            else:
                is_there = (line.place(change.commit.hash) or 0) >= place
            if is_there:
                break
            path = source or path
        return path

    def line(self, start: str) -> Mainline:
        """Return the branch from a commit down."""
        if start not in self.lines:
            self.lines[start] = Mainline(start, self.walk_in_bulk, self.reader, self.branch)
        return self.lines[start]

    def _under_one_name(
        self, path: str, start: str, line: Mainline, of: Of
    ) -> Iterator[FileChange]:
        """Yield the changes of one path; each one's `old` is the next one's `new`."""
        newer: tuple[Commit, bytes | None] | None = None
        for commit, content in self._contents(path, start, line, of):
            if newer is not None and newer[1] != content:
                yield FileChange(path, newer[0], content, newer[1])
            newer = (commit, content)
        if newer is None:
            return
        oldest, content = newer
        parent = self.before(oldest)
        before = self._read(f"{parent}:{path}", of) if parent is not None else None
        if before != content:
            yield FileChange(path, oldest, before, content)

    def before(self, commit: Commit) -> str | None:
        """Return what the branch was at before this commit."""
        return parent_on(commit, self.branch)

    def is_pull(self, commit: Commit) -> bool:
        """Tell whether the branch did not go by the commit's first parent."""
        return bool(commit.parents) and self.before(commit) != commit.parents[0]

    def _contents(
        self, path: str, start: str, line: Mainline, of: Of
    ) -> Iterator[tuple[Commit, bytes | None]]:
        """Yield what the file is in the commits that may have changed it."""
        following: str | None = start
        while following is not None:
            following = yield from self._down_to_a_pull(path, following, line, of)

    def _down_to_a_pull(
        self, path: str, start: str, line: Mainline, of: Of
    ) -> Generator[tuple[Commit, bytes | None], None, str | None]:
        """Yield contents along first parents; return where to go on, None at the end."""
        for commit, content in self._first_parents(path, start, of):
            merge = line.first_pull(start, commit.hash)
            if merge is not None:
                break
            yield commit, content
        else:
            merge = line.first_pull(start, None)
        if merge is None:
            return None
        yield merge, self._read(f"{merge.hash}:{path}", of)
        return self.before(merge)

    def _first_parents(
        self, path: str, start: str, of: Of
    ) -> Iterator[tuple[Commit, bytes | None]]:
        with closing(first_parents(self.git, start, path=path)) as walk:
            size = 2  # a first answer soon, for whoever wants only the newest
            while batch := list(islice(walk, size)):
                specs = (spec for step in batch for spec in (step.commit, _spec(path, step)))
                found = iter(self.reader.many(specs, limit=CUT))
                for step, commit, there in zip(batch, found, found, strict=True):
                    if commit is None:
                        raise GitError(f"commit {step.commit} is missing; try `git fsck`")
                    yield parse_commit(commit), of(there)
                size = min(4 * size, _BATCH)

    def walk(self, start: str, *arguments: str) -> Generator[str, None, None]:
        """Yield a line per commit of the branch, newest first, as rev-list writes it."""
        with closing(self.walk_in_bulk(start, *arguments)) as bulk:
            for lines in bulk:
                yield from lines

    def walk_in_bulk(self, start: str, *arguments: str) -> Generator[list[str], None, None]:
        """Yield the same lines, as many at once as git has ready."""
        process = self.git.start(
            "--literal-pathspecs", "rev-list", "--first-parent", start, *arguments
        )
        rest = ""
        with reading(process):
            while process.stdout and (chunk := os.read(process.stdout.fileno(), CHUNK)):
                *lines, rest = (rest + chunk.decode()).split("\n")
                yield lines

    def _blob(self, spec: str) -> bytes | None:
        return self._read(spec, _content)

    def _read(self, spec: str, of: Of) -> bytes | None:
        return of(self.reader.one(spec, limit=CUT))

    def moved_from(
        self, change: FileChange, known: Sequence[RawChange] | None = None
    ) -> str | None:
        """Return the path whose place a new file took in the same commit.

        `known` is what the commit changed, if somebody has read it.

        Only what is certain: a whole environment under a new name, or within one environment the
        only file that vanished with the very content that appeared, or the same service as another
        kind of workload.
        """
        commit, parent = change.commit.hash, self.before(change.commit)
        if parent is None:
            return None
        directory, _, leaf = change.path.rpartition("/")
        raw = self.raw(parent, commit) if known is None else known
        gone = {line.path: line.old for line in raw if line.status == "D"}
        stem, kinds = leaf.rpartition(".")[0], KIND_OF_SUFFIX.keys()
        for path in gone:
            if path in {f"{directory}/{stem}{suffix}" for suffix in kinds}:
                return path
        same = [
            path
            for path, oid in gone.items()
            if path.rpartition("/")[0] == directory
            and PurePosixPath(path).suffix == PurePosixPath(leaf).suffix
            and self._blob(oid) == change.new
        ]
        # Elsewhere it is another environment's: a service may be renamed in all of them at once.
        added = [
            line
            for line in raw
            if line.status == "A"
            and line.path != change.path
            and line.path.rpartition("/")[0] == directory
        ]
        if len(same) == 1 and not any(line.new == gone[same[0]] for line in added):
            return same[0]
        if not directory or self.reader.one(f"{parent}:{directory}") is not None:
            return None
        renamed = [
            path
            for path in gone
            if path.rpartition("/")[2] == leaf
            and self.reader.one(f"{commit}:{path.rpartition('/')[0]}") is None
        ]
        return renamed[0] if len(renamed) == 1 else None

    def is_renamed(self, path: str, commit: str) -> bool:
        """Tell whether a path that vanished in a commit lives on in it under another name."""
        found = self.reader.commit(commit)
        if found is None or (parent := self.before(found)) is None:
            return False
        old = PurePosixPath(path)
        return any(
            self.moved_from(FileChange(line.path, found, None, self._blob(line.new))) == path
            for line in self.raw(parent, commit)
            if line.status == "A"
            and (new := PurePosixPath(line.path)).name.endswith(_FOLLOWED)
            and (new.parent == old.parent or new.name == old.name)
        )

    def with_origin(self, change: FileChange, of: Of | None = None) -> FileChange:
        """Add the commit inside a merge that made the change."""
        if len(change.commit.parents) < 2:
            return change
        commit = change.commit
        done = self.git.run(
            "--literal-pathspecs",
            "rev-list",
            "--max-count=1",
            "--no-merges",
            commit.hash,
            f"^{self.before(commit)}",
            "--",
            change.path,
        )
        origin = self.reader.commit(done.text) if done.code == 0 and done.text else None
        there = (
            None if origin is None else self._read(f"{origin.hash}:{change.path}", of or _content)
        )
        if origin is None or there != change.new:
            return change
        return change._replace(origin=origin)

    def of_commit(self, commit: str) -> tuple[FileChange, ...]:
        """Return what a commit did to every file, against what the branch was at before."""
        found = self.reader.commit(commit)
        if found is None:
            raise GitError(f"commit {commit} is missing; try `git fsck`")
        raw = self.raw(self.before(found), found.hash)
        both = (oid for line in raw for oid in (line.old, line.new))
        blobs = iter(self.reader.many(both, limit=CUT))
        changes = (
            FileChange(line.path, found, _content(old), _content(new))
            for line, old, new in zip(raw, blobs, blobs, strict=False)
        )
        return tuple(self.with_origin(change) for change in changes if change.old != change.new)

    def raw(self, parent: str | None, commit: str) -> list[RawChange]:
        """Return the paths in which a commit differs from another; None: from nothing."""
        trees = ["--root", commit] if parent is None else [parent, commit]
        done = self.git.run(
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--no-commit-id",
            *trees,
        )
        if done.code != 0:
            raise failure(done, f"cannot read what {commit} changed")
        return parse_raw(done.out)

    def commit_at(self, when: datetime, start: str) -> str | None:
        """Return the newest commit of the branch, from `start` on, that is not after `when`."""
        limit = when.timestamp()
        tip: str | None = start
        while tip is not None:
            with closing(self.walk(tip, "--timestamp", "--parents")) as lines:
                tip = None
                for line in lines:
                    seconds, commit, *parents = line.split(" ")
                    if int(seconds) <= limit:
                        return commit
                    if len(parents) > 1 and (tip := self._pulled(commit)) is not None:
                        break
        return None

    def _pulled(self, commit: str) -> str | None:
        found = self.reader.commit(commit)
        return self.before(found) if found is not None and self.is_pull(found) else None


def _content(found: Object | None) -> bytes | None:
    return found.data if found is not None and found.type == "blob" else None


def _spec(path: str, step: BranchStep) -> str:
    """Return the name of what a path is in a commit that changed it or something below it."""
    line = step.changed.get(path)
    change = None if line is None else parse_header(line, path)
    # Where the file is gone there may be a directory now.
    return change.new if change and change.status != "D" else f"{step.commit}:{path}"


def _hash(found: Object | None) -> bytes | None:
    return None if found is None else found.oid.encode()
