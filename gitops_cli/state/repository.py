"""The state repository: what commands read from it, and the one way to write to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gitops_cli.domain.commits import Commit, FileChange, LastChange
from gitops_cli.domain.proposal import Actor, Proposal, Written
from gitops_cli.domain.repository import Snapshot


@dataclass(frozen=True, slots=True)
class Tip:
    """The commit a command works on.

    `commit` is None in a repository without commits. `fresh`: just read from the remote, or there
    is no remote; otherwise `note`, if any, says for stderr why not.
    """

    commit: str | None
    committed_at: datetime | None
    fresh: bool
    note: str | None = None


class StateRepository:
    """One state repository: a clone, a bare repository or a URL through the cached mirror."""

    description: str  # the remote's URL without credentials, or a path: for messages
    branch: str | None  # the branch that holds the state, in short; None until the remote said it
    worktree: Path | None  # the user's checkout; None for a URL and a bare repository

    def tip(self, *, require_remote: bool = True) -> Tip:
        """Return the commit to work on: the remote's tip, unless `offline` or `rev` say otherwise.

        Raises RemoteUnreachable or Denied if the remote does not answer and `require_remote`;
        without it the last known tip is returned with a note.
        """
        raise NotImplementedError

    def snapshot(self, commit: str | None) -> Snapshot:
        """Return the repository at a commit (None: a repository without commits, so empty)."""
        raise NotImplementedError

    def worktree_snapshot(self) -> Snapshot:
        """Return the files of the user's checkout as they are; UsageError without a checkout."""
        raise NotImplementedError

    def index_snapshot(self) -> Snapshot:
        """Return what is staged, as a pre-commit hook must judge it."""
        raise NotImplementedError

    def contents(self, commit: str | None, prefix: str = "") -> Mapping[str, bytes]:
        """Return the regular files of a commit below `prefix`, whole: path → bytes."""
        raise NotImplementedError

    def resolve(self, rev: str) -> str:
        """Return the full hash of a commit-ish, with the whole history; UsageError if unknown."""
        raise NotImplementedError

    def commit(self, commit: str) -> Commit:
        """Return a commit's author, times and message."""
        raise NotImplementedError

    def commit_at(self, when: datetime, *, start: str) -> str | None:
        """Return the commit that was the tip of the branch at a time; None before the first."""
        raise NotImplementedError

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`; None: cannot tell (shallow, or unknown here)."""
        raise NotImplementedError

    def fetch_history(self) -> None:
        """Make sure that the whole history is here; raises RemoteUnreachable."""
        raise NotImplementedError

    def file_history(
        self,
        path: str,
        *,
        start: str,
        limit: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[FileChange]:
        """Yield what happened to a file on the branch, newest first, from the commit `start` on.

        Follows first parents, so the values form one chain: each `old` is the `new` of the
        change before. Follows renames of the file and of its environment. Fetches missing history.
        """
        raise NotImplementedError

    def changes(self, commit: str) -> tuple[FileChange, ...]:
        """Return what one commit did to every file, against its first parent."""
        raise NotImplementedError

    def last_changes(self, paths: Iterable[str], *, tip: str) -> Mapping[str, LastChange]:
        """Return the last change of each path that exists at `tip`; fetches missing history."""
        raise NotImplementedError

    def write(
        self,
        propose: Callable[[Snapshot], Proposal],
        *,
        actor: Actor | None = None,
        timeout: float = 300.0,
    ) -> Written:
        """Write a proposal as one commit on the tip of the branch.

        `propose` is a pure function of the snapshot and is called again for every new tip; what
        it raises ends the write once the tip it was computed from is known to be the remote's.
        Edits that change nothing are no change. `actor` is the author in CI; None: git's own
        identity. Raises PushRefused, RetriesExhausted, RemoteUnreachable, Denied or GitError.
        """
        raise NotImplementedError


def open_repository(
    start: Path,
    *,
    url: str | None = None,
    fallback: str | None = None,
    rev: str | None = None,
    offline: bool = False,
    timeout: float = 60.0,
    notify: Callable[[str], None] | None = None,
) -> StateRepository:
    """Return the state repository: of `url`, else the one around `start`, else of `fallback`.

    `fallback` is taken where `start` is in no repository, or in one that holds no environment
    (a service's checkout). `rev` fixes the commit. `timeout` (seconds) limits each connection.
    `notify` hears, one line at a time, why a write has to wait. Raises UsageError, Denied.
    """
    raise NotImplementedError
