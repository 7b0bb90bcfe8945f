"""Wait until clusters have reached a state commit, or a later one; others make them follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.cluster.comparison import Agreement, Row, State, agreement
from gitops_cli.domain.cluster.rollout import Phase
from gitops_cli.domain.cluster.sync import (
    Deed,
    EnvironmentReport,
    RolloutVerdict,
    SyncOutcome,
    SyncReport,
)
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.waiting import Awaited, Key, RolloutWait, WaitEnd

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

LOOK_SECONDS = 5.0  # between looks at the remote, for a commit later than the one waited for


@dataclass(slots=True)
class Later:
    """Knows which state commits contain the one that is waited for."""

    state: StateRepository
    commit: str | None
    _snapshot: Snapshot | None = None
    _looked_at: float = field(default_factory=time.monotonic)
    _known: dict[str, bool] = field(default_factory=dict)

    def contains(self, other: str) -> bool:
        """Tell whether `other` is a later commit of the same history."""
        if self.commit is None or other == self.commit:
            return False
        if other not in self._known:
            if self.state.is_ancestor(self.commit, other) is None:
                self._look()
            self._known[other] = self.state.is_ancestor(self.commit, other) is True
        return self._known[other]

    def newest(self) -> Snapshot | None:
        """Return the newest state, if it is later than the commit; read now and then."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._look()
        return self._snapshot

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        tip = self.state.tip(require_remote=False).commit
        if tip is not None and self.commit is not None and self.state.is_ancestor(self.commit, tip):
            self._snapshot = self.state.snapshot(tip)


def wait_for_state(
    desired: Desired,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    state: StateRepository,
    *,
    now: Callable[[], datetime],
    timeout: float,
    services: Mapping[EnvironmentName, frozenset[ServiceName]] | None = None,
    heard: Callable[[Row], None] = lambda row: None,
    gone: bool = False,
) -> SyncReport:
    """Return how each service of the environments arrived, or did not in time.

    `gone`: one has arrived when the pods that it replaced are gone, too.
    """
    placed, errors = clusters.place(names, desired.snapshot.team)
    snapshot = desired.snapshot
    environments: dict[EnvironmentName, Environment] = {}
    problems: dict[EnvironmentName, GitOpsError] = dict(errors)
    for group in placed:
        for name in group.environments:
            try:
                environments[name] = snapshot.environment(name).checked()
            except GitOpsError as error:
                problems[name] = error
    wanted = {
        name: frozenset(environment.files) if services is None else services.get(name, frozenset())
        for name, environment in environments.items()
    }
    awaited = [
        Awaited(group.cluster, {n: wanted[n] for n in group.environments if wanted.get(n)})
        for group in placed
    ]
    judge = _Arrival(Later(state, desired.ours.commit))
    waiting = RolloutWait(
        [one for one in awaited if one.services],
        environments,
        desired.snapshot.team,
        now=now,
        heard=heard,
        differing=judge.verdict,
        gone=gone,
    )
    settled = waiting.run(timeout)
    contexts = {n: group.cluster.context for group in placed for n in group.environments}
    return SyncReport(
        desired.ours.commit,
        tuple(
            EnvironmentReport(
                name,
                contexts.get(name),
                tuple(_outcomes(environments[name], wanted[name], settled))
                if name in environments
                else (),
                (problems[name],) if name in problems else (),
                waiting.notes.get(name, ()),
            )
            for name in names
        ),
    )


@dataclass(slots=True)
class _Arrival:
    later: Later

    def verdict(self, row: Row) -> RolloutVerdict | None:
        """Judge a row that is not what the awaited commit says: a later commit will do."""
        if row.rollout is None or row.rollout.phase is not Phase.COMPLETE:
            return None
        if row.commit is not None and self.later.contains(row.commit):
            return RolloutVerdict.READY
        newest = self.later.newest()
        environment = newest.environments.get(row.environment) if newest is not None else None
        if environment is None or row.recorded is None or row.service not in environment.files:
            return None
        same = agreement(environment.image(row.service), row.recorded) is not Agreement.DIFFERENT
        return RolloutVerdict.READY if same else None


def _outcomes(
    environment: Environment,
    services: frozenset[ServiceName],
    settled: Mapping[Key, WaitEnd],
) -> list[SyncOutcome]:
    found = []
    for service in sorted(services):
        file = environment.files[service]
        one = settled[environment.name, service]
        row = one.row
        found.append(
            SyncOutcome(
                environment.name,
                service,
                file.kind,
                Deed.UNCHANGED,
                environment.image(service),
                row.recorded if row is not None else None,
                (row.container,) if row is not None and row.container is not None else (),
                reason=_reason(one),
                error=one.error,
                held=row is not None and row.lock is not None,
                commit=row.commit if row is not None else None,
                verdict=one.verdict,
                rollout=row.rollout if row is not None else None,
                workload=row.workload if row is not None else None,
            )
        )
    return found


def _reason(one: WaitEnd) -> str | None:
    row = one.row
    if row is None:
        return "nothing was seen of it"
    if one.verdict is RolloutVerdict.READY:
        if row.state is State.DIFFERS:
            return "at a later state commit"
        return row.reason if row.is_as_far_as_it_goes else None
    if row.state is State.DIFFERS:
        return row.reason or f"the workload still has {row.recorded}"
    return row.reason
