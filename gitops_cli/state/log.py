"""git's own walk along first parents: each commit with what it changed, of all files or of one.

What it changed are the lines that `git log --raw` and `git diff-tree -z` write.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import commit_of
from gitops_cli.git.process import Done, Git, RunningGit

_MARK = "commit "
_TOLD = ",%ct%n%an <%ae> %ad%n%B"  # as git's objects have them
CHUNK = 1 << 16


class RawChange(NamedTuple):
    """One line of git's raw diff format; a missing side is all zeros."""

    status: str
    path: str
    old: str
    new: str


def parse_raw(out: bytes) -> list[RawChange]:
    """Return the lines of `--raw -z --no-abbrev --no-renames`."""
    fields = out.decode(errors="surrogateescape").split("\0")
    found = []
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        found.append(parse_header(head, path))
    return found


def parse_header(head: str, path: str) -> RawChange:
    """Return one such line by its two fields."""
    _, _, old, new, status = head.split(" ")
    return RawChange(status[0], path, old, new)


class BranchStep(NamedTuple):
    """One commit of the branch, and the commit that the branch was at before.

    `changed` has git's line of the raw format for each path in which the two differ, such as
    `:100644 100644 OLD NEW M`. `parents` are all of the commit's. Where that was asked for, `at`
    are its own seconds, and `told` is who made it and what they say.
    """

    commit: str
    parent: str
    changed: Mapping[str, str]
    parents: str
    at: int = 0
    told: str = ""

    @property
    def is_merge(self) -> bool:
        return " " in self.parents

    @property
    def is_pull(self) -> bool:
        """Tell whether the branch did not come from the commit's first parent."""
        return not self.parents.startswith(self.parent)

    def parsed(self, at: datetime) -> Commit:
        """Return the commit as a value, as made at a time; only of a walk that tells."""
        text = self.told
        if not text.isascii():
            text = text.encode(errors="surrogateescape").decode(errors="replace")
        author, _, message = text.partition("\n")
        return commit_of(self.commit, tuple(self.parents.split()), author, at, message)


def first_parents(
    git: Git,
    start: str,
    *,
    but: str | None = None,
    path: str | None = None,
    tells: bool = False,
    in_bulk: bool = False,
) -> Generator[BranchStep, None, None]:
    """Yield commits along first parents, newest first, down to `but`; `path`: that change it.

    `tells`: with when and by whom they were made and what they say, which is cheaper than to read
    each by itself. Who follows one file rather reads its few commits while git walks on.
    `in_bulk`: git does not hand over each commit by itself, as to somebody who watches.
    """
    if in_bulk:
        git = git.with_environment(GIT_FLUSH="0")
    process = git.start(
        "--literal-pathspecs",
        "-c",
        "log.showSignature=false",
        "-c",
        "log.follow=false",
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-relative",
        "--no-color",
        "--no-decorate",
        "--no-notes",
        "--encoding=UTF-8",
        "--date=raw",
        f"--format={_MARK}%H,%P{_TOLD if tells else ''}",
        start,
        *([f"^{but}"] if but is not None else []),
        "--",
        *([path] if path is not None else []),
    )
    with reading(process):
        yield from _parsed(_fields(process), path)


@contextmanager
def reading(process: RunningGit) -> Iterator[None]:
    """Read a history that git walks to its end, or leave it; the process ends either way.

    Raises GitError with what git said, if it could not go on.
    """
    try:
        yield
        _, err = process.communicate()
        if process.returncode != 0:
            done = Done(process.returncode, b"", err.decode(errors="replace"))
            raise failure(done, "cannot read the history")
    finally:
        process.kill()
        with process:  # closes the pipes and waits
            pass


def _fields(process: RunningGit) -> Iterator[str]:
    if process.stdout is None:
        return
    rest = b""
    while chunk := os.read(process.stdout.fileno(), CHUNK):
        whole, end, rest = (rest + chunk).rpartition(b"\0")
        if end:
            yield from whole.decode(errors="surrogateescape").split("\0")
    if rest:
        yield rest.decode(errors="surrogateescape")


def _parsed(fields: Iterator[str], only: str | None) -> Iterator[BranchStep]:
    step: BranchStep | None = None
    changed: dict[str, str] = {}
    for each in fields:
        text = each.lstrip("\n")
        if text.startswith(":"):
            path = next(fields)
            changed[path] = text
            if path == only and step is not None:  # who waits for it need not wait for the next
                yield step
                step = None
        elif text.startswith(_MARK):
            if step is not None:
                yield step
            head, _, told = text.removeprefix(_MARK).partition("\n")
            commit, parents, *at = head.split(",")
            before = parents.partition(" ")[0]
            changed = {}
            seconds = int(at[0] or 0) if at else 0
            step = BranchStep(commit, before, changed, parents, seconds, told)
    if step is not None:
        yield step
