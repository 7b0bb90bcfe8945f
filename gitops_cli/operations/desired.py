"""The state that clusters should follow: the remote's tip, unless somebody says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.intent import selected
from gitops_cli.domain.cluster.sync import Followed
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class Desired(NamedTuple):
    """A snapshot and how it was come by; `note` says why it is not the remote's tip."""

    snapshot: Snapshot
    ours: Followed
    committed_at: datetime | None = None
    note: str | None = None


def desired_state(
    state: StateRepository,
    *,
    rev: str | None = None,
    at: datetime | None = None,
    worktree: bool = False,
) -> Desired:
    """Return the remote's tip, or the state at a revision, at a time, or in the working tree.

    Raises UsageError, RemoteUnreachable, Denied.
    """
    if sum((rev is not None, at is not None, worktree)) > 1:
        raise UsageError("--rev, --at and --worktree exclude each other")
    if worktree:
        return Desired(state.worktree_snapshot(), Followed(None, fresh=False, said=True))
    if rev is not None:
        return _at_commit(state, state.resolve(rev))
    tip = state.tip()
    if at is None:
        ours = Followed(tip.commit, tip.fresh)
        return Desired(state.snapshot(tip.commit), ours, tip.committed_at, tip.note)
    if tip.commit is None:
        raise UsageError(f"{state.description} has no commits")
    state.past.complete()
    commit = state.past.commit_at(at, start=tip.commit)
    if commit is None:
        raise UsageError(f"{state.description} has no state before {at.isoformat()}")
    return _at_commit(state, commit)


def _at_commit(state: StateRepository, commit: str) -> Desired:
    ours = Followed(commit, fresh=False, said=True)
    return Desired(state.snapshot(commit), ours, state.commit(commit).committed_at)


class Selection(NamedTuple):
    """Which services of the environments are meant; nothing said: all."""

    only: Collection[str] = ()
    exclude: Collection[str] = ()

    def services(self, environment: Environment) -> frozenset[ServiceName] | None:
        """Return the services that the globs let through; None: no globs, so everything."""
        if not self.only and not self.exclude:
            return None
        try:
            return frozenset(selected(environment, only=self.only, exclude=self.exclude))
        except UsageError:
            return frozenset()  # another environment may have some

    def check(self, environments: Iterable[Environment]) -> None:
        """Raise UsageError if the globs leave nothing anywhere."""
        if not self.only and not self.exclude:
            return
        found = list(environments)
        if found and not any(self.services(environment) for environment in found):
            names = ", ".join(e.name for e in found)
            raise UsageError(
                f"no service of {names} is left after --only and --exclude",
                hint="a glob must fit the whole name, for example 'auth*'",
            )
