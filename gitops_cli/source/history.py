"""Questions about commits, asked of one repository on this disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from gitops_cli.domain.past.ancestry import (
    SAME,
    UNKNOWN,
    Distance,
    Relation,
    SourceCommit,
    distance,
)
from gitops_cli.domain.past.commits import time_of
from gitops_cli.domain.version import is_commit
from gitops_cli.source.git import read

_FIELDS = "%H%x00%an%x00%ct%x00%s"


def knows(directory: Path, *hashes: str) -> bool:
    """Tell whether all these commits are in the repository."""
    return all(
        is_commit(h) and read(directory, "cat-file", "-e", f"{h}^{{commit}}").code == 0
        for h in hashes
    )


def is_shallow(directory: Path) -> bool:
    """Tell whether the history is cut, so that a `no` proves nothing."""
    return read(directory, "rev-parse", "--is-shallow-repository").out.strip() != "false"


def is_ancestor(directory: Path, older: str, newer: str) -> bool | None:
    """Tell whether `newer` contains `older`; None: not known here."""
    code = read(directory, "merge-base", "--is-ancestor", older, newer).code
    if code == 0:
        return True
    # In a shallow clone both may be there and the way between them cut off.
    return False if code == 1 and not is_shallow(directory) else None


def distance_between(directory: Path, old: str, new: str) -> Distance:
    """Return how `new` lies to `old`; UNKNOWN where the repository cannot tell."""
    if old == new:
        return SAME
    if not (is_commit(old) and is_commit(new)):
        return UNKNOWN
    if is_shallow(directory):
        return _cut_distance(directory, old, new)
    done = read(directory, "rev-list", "--left-right", "--count", f"{old}...{new}")
    counts = done.out.split()
    if done.code != 0 or len(counts) != 2:
        return UNKNOWN
    return distance(ahead=int(counts[1]), behind=int(counts[0]))


def _cut_distance(directory: Path, old: str, new: str) -> Distance:
    """Return what a shallow clone knows for certain: that one contains the other."""
    if is_ancestor(directory, new, old):
        return Distance(Relation.BEHIND)
    return Distance(Relation.AHEAD) if is_ancestor(directory, old, new) else UNKNOWN


def commits_between(
    directory: Path, old: str, new: str, limit: int
) -> tuple[SourceCommit, ...] | None:
    """Return the commits that `new` has and `old` has not, newest first, at most `limit`.

    None where the history is cut or one of the two is not known.
    """
    if is_shallow(directory):
        return None
    done = read(directory, "log", "-z", f"-n{limit}", f"--format={_FIELDS}", f"{old}..{new}")
    return tuple(_commits(done.out)) if done.code == 0 else None


def _commits(out: str) -> Iterator[SourceCommit]:
    fields = out.split("\0")
    for at in range(0, len(fields) - 3, 4):
        name, author, seconds, subject = fields[at : at + 4]
        yield SourceCommit(name, author, time_of(int(seconds)), subject)


def commit_time(directory: Path, commit: str) -> datetime | None:
    """Return when a commit was made; None if it is not known here."""
    if not is_commit(commit):
        return None
    done = read(directory, "log", "-1", "--format=%ct", commit)
    seconds = done.out.strip()
    return time_of(int(seconds)) if done.code == 0 and seconds else None


def commits_like(directory: Path, prefix: str) -> list[str]:
    """Return the commits whose hash begins with `prefix`."""
    done = read(directory, "rev-parse", f"--disambiguate={prefix}")
    return [h for h in done.out.split() if is_commit(h) and knows(directory, h)]
