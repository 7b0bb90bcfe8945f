"""The difference between git and live clusters, as it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State, target_of
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.governing import is_foreign
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.settings import BadSettings
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.diff import compared_with, explained, restricted
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Cluster, Following

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

GIT_SECONDS = 10.0  # between looks at the remote
_TICK = 0.5
_BREATH = 0.1
_AGAIN = 2.0  # between looks at pods that have to prove themselves

Chosen = Callable[[Snapshot], tuple[TeamSettings, list[EnvironmentName]]]
"""What a state's gitops.toml says, and which environments to show. Raises GitOpsError."""


class Look(NamedTuple):
    """The difference at one moment, and the rows that are not as they were at the look before.

    `gone` are rows that were there before; `stale` says why something may be out of date.
    """

    diff: Diff
    changed: tuple[Row, ...] = ()
    gone: tuple[Row, ...] = ()
    stale: str | None = None


def watch(
    desired: Desired,
    clusters: Clusters,
    state: StateRepository,
    chosen: Chosen,
    *,
    now: Callable[[], datetime],
    selection: Selection,
    timeout: float | None = None,
) -> Iterator[Look]:
    """Yield a look whenever something changed, in a cluster or in git, until the time is over.

    Between changes it yields nothing; the first look comes when every namespace was read, or could
    not be. A new tip of the branch is followed with all it says: other kinds of workloads, other
    environments, another gitops.toml. Raises what keeps every namespace from being followed.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with ExitStack() as stack:
        watching = _Watching(desired, clusters, chosen, now, selection)
        stack.callback(watching.close)
        watching.follow(desired)
        if watching.broken and not watching.is_following:
            raise next(iter(watching.broken.values())).problems[0]
        yield from watching.looks(state, deadline)


class _Followed(NamedTuple):
    """Namespaces of one cluster; `close` ends the following."""

    cluster: Cluster
    targets: tuple[Target, ...]
    follower: Following
    close: Callable[[], None]

    @property
    def names(self) -> list[EnvironmentName]:
        return [target.namespace for target in self.targets]


class _Watching:
    def __init__(
        self,
        desired: Desired,
        clusters: Clusters,
        chosen: Chosen,
        now: Callable[[], datetime],
        selection: Selection,
    ) -> None:
        self.broken: dict[EnvironmentName, Comparison] = {}
        self._desired = desired
        self._clusters = clusters
        self._chosen = chosen
        self._now = now
        self._selection = selection
        self._team = TeamSettings()
        self._names: list[EnvironmentName] = []
        self._following: list[_Followed] = []
        self._rows: dict[tuple[object, ...], Row] = {}
        self._looked_at = self._shown_at = time.monotonic()
        self._git_note: str | None = None
        self._refused: str | None = None

    @property
    def is_following(self) -> bool:
        """Tell whether any cluster is followed."""
        return bool(self._following)

    def close(self) -> None:
        """End all following."""
        for one in self._following:
            one.close()
        self._following = []

    def follow(self, desired: Desired) -> None:
        """Follow what a state asks for; what is followed already goes on."""
        self._team, self._names = self._chosen(desired.snapshot)
        self._desired = desired
        there = [name for name in self._names if name in desired.snapshot.environments]
        placed, errors = self._clusters.place(there, self._team)
        self.broken = {name: Comparison(name, (), problems=(e,)) for name, e in errors.items()}
        before, self._following = self._following, []
        for group in placed:
            environments = [desired.snapshot.environment(name) for name in group.environments]
            targets = tuple(
                target_of(e, pods=True, rules=self._team.services) for e in environments
            )
            same = [o for o in before if (o.cluster, o.targets) == (group.cluster, targets)]
            self._following.append(same[0] if same else _begun(group.cluster, targets))
        for one in before:
            if one not in self._following:
                one.close()

    def looks(self, state: StateRepository, deadline: float | None) -> Iterator[Look]:
        last: Look | None = None
        while deadline is None or time.monotonic() < deadline:
            news = self._listen() | self._look_at_git(state) | self._is_due(last)
            if last is not None and not news and self._stale() == last.stale:
                continue
            self._shown_at = time.monotonic()
            look = self._look(first=last is None)
            if look is not None and (
                last is None or look.changed or look.gone or look.stale != last.stale
            ):
                last = look
                yield look
            time.sleep(_BREATH)

    def _is_due(self, last: Look | None) -> bool:
        """Tell whether time alone may have changed something: restarts are forgotten."""
        if last is None or time.monotonic() - self._shown_at < _AGAIN:
            return False
        moving = (State.ROLLING, State.FAILED)
        return any(row.state in moving for c in last.diff.environments for row in c.rows)

    def _stale(self) -> str | None:
        """Return why something may be out of date: a cluster or the remote is out of reach."""
        errors = (one.follower.error for one in self._following)
        said = (f"{e.message}; showing the last known" for e in errors if e is not None)
        return next(said, self._git_note or self._refused)

    def _listen(self) -> bool:
        if not self._following:
            time.sleep(_TICK)
        share = _TICK / max(1, len(self._following))
        heard = [one.follower.wait(share) for one in self._following]
        return any(heard)

    def _look_at_git(self, state: StateRepository) -> bool:
        if self._desired.ours.said or time.monotonic() - self._looked_at < GIT_SECONDS:
            return False
        self._looked_at = time.monotonic()
        tip = state.tip(require_remote=False)
        self._git_note = tip.note if tip.note != self._desired.note else None
        if tip.commit is None or tip.commit == self._desired.ours.commit:
            return False
        ours = self._desired.ours._replace(commit=tip.commit)
        desired = self._desired._replace(snapshot=state.snapshot(tip.commit), ours=ours)
        try:
            defects = [d for d in desired.snapshot.team.defects if not is_foreign(d.key)]
            if defects and not self._team.defects:  # what was whole is not followed into pieces
                raise BadSettings(*defects)
            self.follow(desired)
            self._refused = None
        except GitOpsError as error:  # such as a gitops.toml that is broken
            self._desired = desired
            self._refused = f"{error.message}; going on as before"
        return True

    def _look(self, *, first: bool) -> Look | None:
        found = dict(self.broken)
        contexts: dict[EnvironmentName, str | None] = {}
        for one in self._following:
            compared = {}
            contexts |= dict.fromkeys(one.names, one.cluster.context)
            for name in one.names:
                observed = one.follower.observed(name)
                environment = self._desired.snapshot.environments.get(name)
                if observed is None:
                    if (error := one.follower.error) is None:
                        return None
                    found[name] = Comparison(name, (), problems=(error,))
                elif environment is not None:
                    comparison = compared_with(environment, observed, self._team, now=self._now())
                    services = self._selection.services(environment)
                    compared[name] = restricted(comparison, services)
            found |= explained(compared, one.cluster)
        comparisons = tuple(found[name] for name in self._names if name in found)
        diff = Diff(self._desired.ours.commit, comparisons, contexts)
        before, self._rows = self._rows, {_key(row): row for c in comparisons for row in c.rows}
        if first:
            return Look(diff, stale=self._stale())
        changed = [row for key, row in self._rows.items() if _seen(before.get(key)) != _seen(row)]
        gone = [row for key, row in before.items() if key not in self._rows]
        return Look(diff, tuple(changed), tuple(gone), self._stale())


def _begun(cluster: Cluster, targets: tuple[Target, ...]) -> _Followed:
    stack = ExitStack()
    follower = stack.enter_context(cluster.follow(targets))
    return _Followed(cluster, targets, follower, stack.close)


def _key(row: Row) -> tuple[object, ...]:
    return (row.environment, row.kind, row.service, row.container)


def _seen(row: Row | None) -> tuple[object, ...] | None:
    """Return what of a row is shown; pods' own coming and going is not."""
    if row is None:
        return None
    return (row.state, row.wanted, row.recorded, row.running, row.reason, row.lock)
