"""Reads git objects through one long-lived `cat-file --batch`."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from itertools import zip_longest
from typing import IO

from gitops_cli.domain.change.message import parse_message
from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.errors import GitError
from gitops_cli.domain.past.commits import Commit, time_of
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.failures import spoken
from gitops_cli.git.process import Git, RunningGit

# Requests written before their answers are read: they must fit a pipe (16 kB on macOS).
_BATCH_BYTES = 8192
_CHUNK = 1 << 16
# Nothing that a state repository needs is as large: what is would only fill the memory.
MOST_BYTES = 32 << 20
_ACTOR = re.compile(r"(?P<name>[^<]*?) ?<(?P<email>[^>]*)\Z")
_WHEN = re.compile(r"(?P<time>-?[0-9]{1,20}) (?P<zone>[+-][0-9]{4})\Z")

TREE_MODE = "40000"
LINK_MODE = "120000"
MODULE_MODE = "160000"


class Object(NamedTuple):
    """One object; `data` is cut where the reader was told to."""

    oid: str
    type: str
    data: bytes


class TreeEntry(NamedTuple):
    """One line of a tree."""

    mode: str
    name: str
    oid: str


class ObjectReader:
    """One repository's objects by name or hash. Starts git when first asked."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: RunningGit | None = None

    def close(self) -> None:
        """End the process; the next request starts another."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def one(self, spec: str, *, limit: int | None = None) -> Object | None:
        """Return one object, or None if there is no such."""
        (found,) = self.many([spec], limit=limit)
        return found

    def many(self, specs: Iterable[str], *, limit: int | None = None) -> list[Object | None]:
        """Return an object for each `commit`, `commit:path`, `ref`, hash …; None: missing.

        `limit` cuts each blob after so many bytes; beyond MOST_BYTES anything else is a GitError.
        What is named twice is read once: environments share the blob of a promoted version.
        """
        named = list(specs)
        different = list(dict.fromkeys(named))
        found = dict(zip(different, self._read(different, limit), strict=True))
        return [found[spec] for spec in named]

    def _read(self, specs: Iterable[str], limit: int | None) -> list[Object | None]:
        found: list[Object | None] = []
        for batch in _batches(specs):
            process = self._running()
            if process.stdin is None:
                raise GitError("git cat-file has no input")
            try:
                process.stdin.write(b"".join(batch))
                process.stdin.flush()
            except BrokenPipeError as error:
                raise self._broken() from error
            if process.stdout is None:
                raise GitError("git cat-file has no output")
            found += [self._answer(process.stdout, limit) for _ in batch]
        return found

    def tree(self, spec: str) -> list[TreeEntry]:
        """Return the entries of one tree; raises GitError if it is missing."""
        found = self.one(spec)
        if found is None or found.type != "tree":
            raise GitError(f"{spec}: this tree is missing in {self._git.directory}")
        return parse_tree(found, spec)

    def commit(self, spec: str) -> Commit | None:
        """Return a commit, or None if it is not here."""
        found = self.one(f"{spec}^{{commit}}")
        return None if found is None else parse_commit(found)

    def _running(self) -> RunningGit:
        if self._process is None:
            self._process = self._git.start("cat-file", "--batch", stdin=True)
            weakref.finalize(self, _end, self._process)
        return self._process

    def _answer(self, stream: IO[bytes], limit: int | None) -> Object | None:
        header = stream.readline()
        if not header.endswith(b"\n"):
            raise self._broken()
        if header.endswith((b" missing\n", b" ambiguous\n")):
            return None
        oid, kind, length = header.decode().split()
        size = int(length)
        kept = size if limit is None or kind != "blob" else min(size, limit)
        if kept > MOST_BYTES:
            self.close()  # rather than read all of it
            raise GitError(f"{kind} {oid} has {size} bytes; gitops reads at most {MOST_BYTES}")
        if kept == size:  # nearly always, and one call for both
            data = stream.read(size + 1)
            if len(data) <= size:
                raise self._broken()
            return Object(oid, kind, data[:size])
        data = stream.read(kept)
        rest = size - kept + 1
        while rest > 0 and (skipped := stream.read(min(rest, _CHUNK))):
            rest -= len(skipped)
        if rest > 0:
            raise self._broken()
        return Object(oid, kind, data)

    def _broken(self) -> GitError:
        process, self._process = self._process, None
        said = ""
        if process is not None:
            if process.stderr is not None:
                said = spoken(process.stderr.read().decode(errors="replace"))
            _end(process)
        return GitError(f"cannot read the repository's objects: {said or 'git cat-file ended'}")


def lacking(git: Git, commits: Sequence[str], *, timeout: float) -> list[str]:
    """Return which of these full hashes name no commit here, asked of one process.

    Where a partial clone lacks the object git ends, so those that follow count as lacking, too.
    """
    if not commits:
        return []
    asked = "".join(f"{commit}^{{commit}}\n" for commit in commits).encode()
    done = git.run_within(timeout, "cat-file", "--batch-check=%(objecttype)", stdin=asked)
    said = done.text.split("\n")
    return [c for c, kind in zip_longest(commits, said[: len(commits)]) if kind != "commit"]


def _end(process: RunningGit) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    process.wait()


def _batches(specs: Iterable[str]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for spec in specs:
        if "\n" in spec or "\0" in spec:
            raise GitError("a path with a line feed cannot be read")
        line = spec.encode(errors="surrogateescape") + b"\n"
        if batch and size + len(line) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


def parse_tree(found: Object, where: str) -> list[TreeEntry]:
    """Return a tree object's entries; raises GitError, naming `where`, if it is none."""
    if found.type != "tree":
        raise GitError(f"{where}: is a {found.type}, not the tree it should be; try `git fsck`")
    try:
        return _entries(found)
    except ValueError as error:
        raise GitError(f"{where}: tree {found.oid} is damaged; try `git fsck`") from error


def _entries(found: Object) -> list[TreeEntry]:
    width = len(found.oid) // 2
    data, entries, at = found.data, [], 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        following = end + 1 + width
        if following > len(data):
            raise ValueError("the last entry breaks off")
        name = data[space + 1 : end].decode(errors="surrogateescape")
        entries.append(TreeEntry(data[at:space].decode(), name, data[end + 1 : following].hex()))
        at = following
    return entries


def parse_commit(found: Object) -> Commit:
    """Return a commit object as a value; what cannot be read of it becomes replacement marks."""
    head, _, message = found.data.partition(b"\n\n")
    lines = [line.partition(b" ") for line in head.split(b"\n")]  # b"": a signature goes on
    first = {key: value for key, _, value in reversed(lines)}
    encoding = first.get(b"encoding", b"utf-8").decode(errors="replace")
    author = _decoded(first.get(b"author", b""), encoding)
    committer = _decoded(first.get(b"committer", b""), encoding)
    parents = tuple(value.decode(errors="replace") for key, _, value in lines if key == b"parent")
    _, committed_at = _who(committer)
    return commit_of(found.oid, parents, author, committed_at, _decoded(message, encoding))


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, errors="replace")
    except (LookupError, ValueError):  # no such encoding, or one that is none of texts
        return data.decode(errors="replace")


def commit_of(
    name: str, parents: tuple[str, ...], author: str, committed_at: datetime, text: str
) -> Commit:
    """Return a commit by its parts; `author` is `NAME <ADDRESS> SECONDS ZONE`."""
    actor, authored_at = _who(author)
    return Commit(name, parents, actor, authored_at, committed_at, *parse_message(text))


def _who(line: str) -> tuple[Actor, datetime]:
    who, _, at = line.rpartition("> ")
    actor, when = _actor(who), _WHEN.match(at)
    if actor is None or when is None:
        return Actor("unknown", ""), datetime.fromtimestamp(0, UTC)
    return actor, time_of(int(when["time"]), _zone(when["zone"]))


@lru_cache(1 << 10)
def _actor(text: str) -> Actor | None:
    """Return a person, of whom a history has few with many commits."""
    match = _ACTOR.match(text)
    return None if match is None else Actor(match["name"], match["email"])


@cache
def _zone(text: str) -> timezone:
    """Return what `+0100` says, UTC for more than a day; there are 20,000 such texts at most."""
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    if offset >= timedelta(days=1):
        return UTC
    return timezone(-offset if text[0] == "-" else offset)
