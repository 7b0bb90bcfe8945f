"""What one environment is: where it belongs, what it records, what holds it, who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.past.commits import Commit, LastChange
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.freeze import FreezeWindow
from gitops_cli.domain.recorded.stages import Place, place_of
from gitops_cli.domain.recorded.team import StageRules

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class FollowedBy(NamedTuple):
    """Whether an agent follows it; `followed` None: not known, and `trouble` says why."""

    followed: bool | None
    trouble: str | None = None


class ShownEnvironment(NamedTuple):
    """An environment at `commit`. `frozen` is the window that `now` lies in, and when it ends."""

    place: Place
    environment: Environment
    rules: StageRules
    frozen: tuple[FreezeWindow, datetime] | None
    changes: Mapping[str, LastChange]
    last: Commit | None
    follower: FollowedBy
    commit: str | None
    now: datetime


def show_environment(
    snapshot: Snapshot,
    name: EnvironmentName,
    follower: FollowedBy,
    *,
    state: StateRepository,
    now: datetime,
) -> ShownEnvironment:
    """Return all that is known of one environment; raises UnknownEnvironment."""
    team, tip = snapshot.team, snapshot.commit
    environment, place = snapshot.environment(name), place_of(name, team)
    rules = team.stage(place.stage)
    closed = ((window, window.closes(now)) for window in rules.freeze)
    frozen = next(((window, end) for window, end in closed if end is not None), None)
    paths = [file.path for file in environment.files.values()]
    newest = state.past.recent_commits(tip, under=f"{name}/", limit=1) if tip else []
    return ShownEnvironment(
        place,
        environment,
        rules,
        frozen,
        state.past.recordings(paths, tip=tip) if tip and paths else {},
        state.commit(newest[0]) if newest else None,
        follower,
        tip,
        now,
    )
