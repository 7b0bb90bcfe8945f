"""Write what is computed anew for every tip, and hand back the last of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitops_cli.domain.change.proposal import Actor, Proposal, Written
from gitops_cli.domain.recorded.environment import Snapshot

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

SECONDS = 300.0


class Proposing(Protocol):
    """Whatever knows the commit it would be."""

    @property
    def proposal(self) -> Proposal:
        """Return the commit."""
        ...


D = TypeVar("D", bound=Proposing)


def write_draft(
    state: StateRepository,
    compute: Callable[[Snapshot], D],
    *,
    actor: Actor | None = None,
    timeout: float | None = None,
    branch: str | None = None,
) -> tuple[D, Written]:
    """Write what `compute` makes of the tip; whatever it raises ends the write.

    `branch`: as the one commit of a branch to be merged, not of the state itself.
    """
    drafts: list[D] = []

    def propose(snapshot: Snapshot) -> Proposal:
        drafts.append(compute(snapshot))
        return drafts[-1].proposal

    seconds = SECONDS if timeout is None else timeout
    if branch is None:
        written = state.write(propose, actor=actor, timeout=seconds)
    else:
        written = state.write_aside(branch, propose, actor=actor, timeout=seconds)
    return drafts[-1], written


def preview(state: StateRepository, compute: Callable[[Snapshot], D]) -> D:
    """Return what would be written on the remote's tip, and write nothing."""
    return compute(state.snapshot(state.tip().commit))
