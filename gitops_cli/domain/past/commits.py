"""Commits of the state repository and what they did to a file, as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timezone
from itertools import chain
from types import MappingProxyType
from typing import TypeVar

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.values import NamedTuple

K = TypeVar("K")
T = TypeVar("T")


class Commit(NamedTuple):
    """One commit as it stands in git; the times are aware, with the author's own offset.

    `body` is without the trailers; a trailer that occurs twice keeps its last value.
    """

    hash: str
    parents: tuple[str, ...]
    author: Actor
    authored_at: datetime
    committed_at: datetime
    subject: str
    body: str = ""
    trailers: Mapping[str, str] = MappingProxyType({})


# What `git pull` and `git merge origin/main` write as the subject. git leaves out `into` for the
# branches of merge.suppressDest, and older versions for master.
_PULL = (
    r"Merge (?:branch '(?P<theirs>[^']+)' of \S+"
    r"|remote-tracking branch '[^/']+/(?P<tracked>[^']+)')"
    r"(?: into (?P<into>\S+))?\Z"
)


def parent_on(commit: Commit, branch: str | None) -> str | None:
    """Return what `branch` was at before it was at this commit; None for a first commit.

    The first parent, but for a merge that `git pull` made: it has the person's own work first, and
    second what everybody else had pushed and the cluster had followed.
    """
    if len(commit.parents) == 2 and branch is not None:
        pull = re.match(_PULL, commit.subject)
        if pull is not None:
            pulled = pull["theirs"] or pull["tracked"]
            if pulled == branch and pull["into"] in (None, branch):
                return commit.parents[1]
    return commit.parents[0] if commit.parents else None


def time_of(seconds: int, zone: timezone = UTC) -> datetime:
    """Return git's seconds as a time. A commit may claim any: one beyond the calendar becomes
    nearly its end or beginning, so that every zone still has it.
    """
    try:
        return datetime.fromtimestamp(seconds, zone)
    except (ValueError, OverflowError, OSError):
        return datetime(9999, 12, 30, tzinfo=UTC) if seconds > 0 else datetime(1, 1, 2, tzinfo=UTC)


class FileChange(NamedTuple):
    """One change of one file on the branch, newest first in a history.

    `commit` brought the change onto the branch. Where that is a merge, `origin` is the commit
    on the merged side that made it, if one did; author and trailers worth showing are there.
    `path` is the file's name in that commit (before a rename: the old one); `source` is the name
    that it had until then, if the commit gave it this one.
    """

    path: str
    commit: Commit
    old: bytes | None
    new: bytes | None
    origin: Commit | None = None
    source: str | None = None

    @property
    def made_by(self) -> Commit:
        """Return the commit that says who did it and why."""
        return self.origin or self.commit


RENAME = "rename"  # what a commit's Gitops-Action says that gives names: Verb.RENAME's value


class LastChange(NamedTuple):
    """When a file was last changed on the branch, and by whom.

    `renames`: its commit says that it gives names.
    """

    commit: str
    committed_at: datetime
    author: Actor
    renames: bool = False


def along(
    branch: Iterable[str],
    pasts: Mapping[K, Iterator[T]],
    commit_of: Callable[[T], str],
    begins: Mapping[K, str] = MappingProxyType({}),
) -> Iterator[dict[K, T]]:
    """Merge pasts in the order of the branch: yield what each of its commits did, newest first.

    `branch` are the hashes of its commits, newest first. Times would not do: pipelines commit
    within one second, and clocks go wrong. `begins` has the newest commit of a past, if that is
    known: it is not opened before. Nothing is read further than it is asked for.
    """
    if len(pasts) == 1:  # it has that order, and nobody needs to read the branch
        [(only, past)] = pasts.items()
        yield from ({only: each} for each in past)
        return
    order = {key: number for number, key in enumerate(pasts)}
    waiting: dict[str, list[K]] = {}
    heads: dict[K, T] = {}

    def wait(keys: Iterable[K]) -> None:
        for key in keys:
            heads.pop(key, None)
            for head in pasts[key]:
                heads[key] = head
                waiting.setdefault(commit_of(head), []).append(key)
                break

    for key, commit in begins.items():
        waiting.setdefault(commit, []).append(key)
    wait([key for key in pasts if key not in begins])
    commits = iter(branch)
    while waiting and (commit := next(commits, "")):
        if commit not in waiting:
            continue
        here = waiting.pop(commit)
        known = [key for key in here if key in heads]
        wait([key for key in here if key not in heads])
        if found := sorted([*known, *waiting.pop(commit, ())], key=order.__getitem__):
            yield {key: heads[key] for key in found}
            wait(found)
    for key in sorted((key for keys in waiting.values() for key in keys), key=order.__getitem__):
        # Beside the branch, and the last place is better than none.
        yield from ({key: item} for item in chain([heads[key]] if key in heads else [], pasts[key]))
