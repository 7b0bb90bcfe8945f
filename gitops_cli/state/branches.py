"""The branch that holds the state, in its three forms: of a clone, of a mirror, or local only.

A form knows the last known tip without a connection, looks at the real one, and is told of an
accepted write. Nothing here writes more than objects before that.
"""

from __future__ import annotations

from typing import Protocol

from gitops_cli.domain.errors import GitError, UsageError
from gitops_cli.domain.text import redacted
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.process import Git
from gitops_cli.git.remote import HEADS, fetch, fetch_tip, look
from gitops_cli.state.location import Location, Remote, tracking_ref

_TRIES = 3  # looks at a remote that is rewound between looking and fetching


class Branch(Protocol):
    """One of the three forms; `local` is the repository of a branch without a remote."""

    git: Git
    push_url: str
    local: Location | None

    @property
    def ref(self) -> str | None:
        """Return the branch's full name; None until the remote said it."""

    def last_known(self) -> str | None:
        """Return the tip as known without a connection, or None."""

    def look(self, *, timeout: float, for_push: bool = False) -> str | None:
        """Return the real tip, with its objects here; None: no commits."""

    def accepted(self, new: str, old: str | None) -> tuple[str, ...]:
        """Let the user's refs and files follow a write; returns notes on what did not."""


def short_name(branch: Branch) -> str | None:
    """Return the branch that holds the state, in short; None until the remote said it."""
    return None if branch.ref is None else branch.ref.removeprefix(HEADS)


class CloneBranch:
    """The branch of a clone's remote."""

    def __init__(self, location: Location, remote: Remote, reader: ObjectReader) -> None:
        self.git = location.git
        self.push_url = remote.push_url
        self.local: Location | None = None
        self._location = location
        self._remote = remote
        self._reader = reader
        self._ref = remote.ref

    @property
    def ref(self) -> str | None:
        """Return the branch's full name; None until the remote said it."""
        return self._ref

    @property
    def tracking(self) -> str | None:
        """Return the clone's own memory of the branch, `refs/remotes/…`."""
        if self._ref is None:
            return None
        return tracking_ref(self._location.config, self._remote.name, self._ref)

    def last_known(self) -> str | None:
        """Return what the clone last saw of the remote; never a commit that was not pushed."""
        return None if self.tracking is None else _read_ref(self._reader, self.tracking)

    def look(self, *, timeout: float, for_push: bool = False) -> str | None:
        """Return the remote's tip: one connection, and one more to fetch what is new.

        Before a push one does for both, as the less time passes the fewer races are lost.
        """
        url = self._remote.push_url if for_push else self._remote.url
        if for_push and self._ref is not None:
            rewritten = self._location.config.rewrites_urls
            commit = fetch_tip(self.git, url, self._ref, rewritten=rewritten, timeout=timeout)
            if commit is not None and self._reader.commit(commit) is not None:
                return commit
        fallback = self._location.head or f"{HEADS}main"
        for _ in range(_TRIES):
            seen = look(self.git, url, self._ref, timeout=timeout, fallback=fallback)
            self._ref = seen.ref
            if seen.commit is None or self._reader.commit(seen.commit) is not None:
                return seen.commit
            fetch(self.git, url, seen.ref, timeout=timeout)
            if self._reader.commit(seen.commit) is not None:
                return seen.commit
        raise GitError(f"{redacted(url)}: {self._ref} moves back and forth; try again")

    def accepted(self, new: str, old: str | None) -> tuple[str, ...]:
        """Do what `git push` and `git merge --ff-only` would have done here, if nothing minds."""
        tracking = self.tracking
        if tracking is not None:
            known = self.last_known() or "0" * len(new)
            self.git.run("update-ref", "-m", "gitops: push", tracking, new, known)
        name = self._remote.name
        notes = tuple(
            f"not pushed to {redacted(url)}, as git push {name} would: do that when it suits"
            for url in self._remote.others
        )
        if self._location.worktree is None or self._ref is None or not self._follows():
            return notes
        from gitops_cli.state.fast_forward import fast_forward

        return (*notes, *fast_forward(self._location, new))

    def _follows(self) -> bool:
        """Tell whether the branch checked out is the one that was written."""
        head = self._location.head
        if head is None or not head.startswith(HEADS):
            return False
        merge = self._location.config.get(f"branch.{head.removeprefix(HEADS)}.merge")
        return (merge or head) == self._ref


class LocalBranch:
    """The branch of a repository without remotes."""

    def __init__(self, location: Location, reader: ObjectReader) -> None:
        self.git = location.git
        self.push_url = ""
        self.local: Location | None = location
        self._location = location
        self._reader = reader

    @property
    def ref(self) -> str | None:
        """Return the branch checked out, or the bare repository's."""
        return self._location.head

    def last_known(self) -> str | None:
        """Return the branch's tip."""
        head = self._location.head
        return _read_ref(self._reader, "HEAD" if head is None else head)

    def look(self, *, timeout: float, for_push: bool = False) -> str | None:
        """Return the branch's tip, which is always the real one."""
        return self.last_known()

    def accepted(self, new: str, old: str | None) -> tuple[str, ...]:
        """Let the checkout follow its branch."""
        from gitops_cli.state.fast_forward import update_worktree

        return update_worktree(self._location, new, old)


def written_ref(branch: Branch) -> str:
    """Return the branch to write to; raises UsageError for a detached HEAD without a remote."""
    if branch.ref is None or not branch.ref.startswith(HEADS):
        raise UsageError(
            "HEAD is detached and there is no remote: which branch to write?",
            hint="check one out: git switch BRANCH",
        )
    return branch.ref


def _read_ref(reader: ObjectReader, ref: str) -> str | None:
    found = reader.commit(ref)
    return None if found is None else found.hash
