"""On which terms something is written."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gitops_cli.domain.change.draft import Draft
from gitops_cli.domain.change.policy import Override, need_confirmation
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of


class Terms(NamedTuple):
    """What is overridden, why, in which CI run, and which environment was confirmed by name.

    `reviewed`: it goes to a branch that somebody merges.
    """

    overrides: Collection[Override] = ()
    reason: str | None = None
    run: str | None = None
    confirmed: str | None = None
    reviewed: bool = False


def agreed_to(draft: Draft, snapshot: Snapshot, terms: Terms) -> Draft:
    """Return the draft; raises Unconfirmed if its stage is protected on this tip.

    A tip may protect a stage that was not protected when the plan was shown.
    """
    if draft.changes:
        team = snapshot.team
        rules = team.stage(place_of(draft.environment, team).stage)
        need_confirmation(draft.environment, rules, confirmed=terms.confirmed, reason=terms.reason)
    return draft
