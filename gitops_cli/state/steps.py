"""Walks what a branch was at, commit by commit, with the files that each of them changed.

One process of git for all of it, however many files there are.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import datetime

from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.objects import commit_of
from gitops_cli.git.process import RunningGit
from gitops_cli.state.history import History, reading

_MARK = "commit "
_TOLD = "%n%an <%ae> %ad%n%B"  # as git's objects have them
_MODES = ":100644 100644"
_CHUNK = 1 << 16


class BranchStep(NamedTuple):
    """One commit of the branch, its own seconds, and the commit that the branch was at before.

    `changed` has git's line of the raw format for each path in which the two differ, such as
    `:100644 100644 OLD NEW M`. `parents` are all of the commit's, and `told` is who made it and
    what they say, where that was asked for.
    """

    commit: str
    parent: str
    at: int
    changed: Mapping[str, str]
    parents: str = ""
    told: str = ""

    def parsed(self, at: datetime) -> Commit:
        """Return the commit as a value, as made at a time; only of a walk that tells."""
        text = self.told
        if not text.isascii():
            text = text.encode(errors="surrogateescape").decode(errors="replace")
        author, _, message = text.partition("\n")
        return commit_of(self.commit, tuple(self.parents.split()), author, at, message)


def steps(
    history: History, tip: str, *, but: str | None = None, tells: bool = False
) -> Generator[BranchStep, None, None]:
    """Yield the branch's commits, newest first, down to `but`, as they are asked for.

    `tells`: with who made them and what they say, which is cheaper than to read each by itself.
    """
    start: str | None = tip
    while start is not None:
        with closing(_down_to_a_pull(history, start, but, tells)) as walk:
            start = yield from walk


def _down_to_a_pull(
    history: History, start: str, but: str | None, tells: bool
) -> Generator[BranchStep, None, str | None]:
    """Yield commits along first parents; return where to go on, None at the end."""
    with closing(_first_parents(history, start, but, tells)) as walk:
        for step, is_merge in walk:
            commit = history.reader.commit(step.commit) if is_merge else None
            if commit is None or not history.is_pull(commit):
                yield step
                continue
            before = str(history.before(commit))
            raw = history.raw(before, step.commit)
            changed = {r.path: f"{_MODES} {r.old} {r.new} {r.status}" for r in raw}
            yield step._replace(parent=before, changed=changed)
            return before
    return None


def _first_parents(
    history: History, start: str, but: str | None, tells: bool
) -> Generator[tuple[BranchStep, bool], None, None]:
    """Yield commits along first parents, each with whether it is a merge."""
    # Else it hands over each commit by itself, as to somebody who watches.
    process = history.git.with_environment(GIT_FLUSH="0").start(
        "-c",
        "log.showSignature=false",
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
        f"--format={_MARK}%ct,%H,%P{_TOLD if tells else ''}",
        start,
        *([f"^{but}"] if but is not None else []),
        "--",
    )
    with reading(process):
        yield from _parsed(_fields(process))


def _fields(process: RunningGit) -> Iterator[str]:
    if process.stdout is None:
        return
    rest = b""
    while chunk := os.read(process.stdout.fileno(), _CHUNK):
        whole, end, rest = (rest + chunk).rpartition(b"\0")
        if end:
            yield from whole.decode(errors="surrogateescape").split("\0")
    if rest:
        yield rest.decode(errors="surrogateescape")


def _parsed(fields: Iterator[str]) -> Iterator[tuple[BranchStep, bool]]:
    step: tuple[BranchStep, bool] | None = None
    changed: dict[str, str] = {}
    for each in fields:
        text = each.lstrip("\n")
        if text.startswith(":"):
            changed[next(fields)] = text
        elif text.startswith(_MARK):
            if step is not None:
                yield step
            head, _, told = text.removeprefix(_MARK).partition("\n")
            seconds, commit, parents = head.split(",")
            before, _, others = parents.partition(" ")
            changed = {}
            at = int(seconds or 0)
            step = BranchStep(commit, before, at, changed, parents, told), bool(others)
    if step is not None:
        yield step
