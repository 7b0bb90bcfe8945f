"""Write a draft that is computed anew for every tip, and hand back the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gitops_cli.domain.drafting import Draft, Outcome
from gitops_cli.domain.proposal import Actor
from gitops_cli.domain.repository import Snapshot

if TYPE_CHECKING:
    from gitops_cli.domain.proposal import Proposal
    from gitops_cli.state.repository import StateRepository

SECONDS = 300.0


def write_draft(
    state: StateRepository,
    compute: Callable[[Snapshot], Draft],
    *,
    actor: Actor | None = None,
    timeout: float | None = None,
) -> Outcome:
    """Write what `compute` makes of the tip; whatever it raises ends the write."""
    last: Draft | None = None

    def propose(snapshot: Snapshot) -> Proposal:
        nonlocal last
        last = compute(snapshot)
        return last.proposal

    written = state.write(propose, actor=actor, timeout=timeout or SECONDS)
    assert last is not None, "a write computes at least one proposal"
    return Outcome(last, written)


def preview(state: StateRepository, compute: Callable[[Snapshot], Draft]) -> Outcome:
    """Return what would be written on the remote's tip, and write nothing."""
    return Outcome(compute(state.snapshot(state.tip().commit)))
