"""Walks what a branch was at, commit by commit, with the files that each of them changed.

One process of git for all of it, however many files there are.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from gitops_cli.state.history import History
from gitops_cli.state.log import BranchStep, first_parents

_MODES = ":100644 100644"


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
    with closing(first_parents(history.git, start, but=but, tells=tells, in_bulk=True)) as walk:
        for step in walk:
            commit = history.reader.commit(step.commit) if step.is_merge else None
            if commit is None or not history.is_pull(commit):
                yield step
                continue
            before = str(history.before(commit))
            raw = history.raw(before, step.commit)
            changed = {r.path: f"{_MODES} {r.old} {r.new} {r.status}" for r in raw}
            yield step._replace(parent=before, changed=changed)
            return before
    return None
