"""Follow rollouts until each has ended, one way or another, or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import NamedTuple

from gitops_cli.domain.cluster.comparison import Row, State, target_of, telling
from gitops_cli.domain.cluster.rollout import Phase, leaving
from gitops_cli.domain.cluster.sync import RolloutVerdict
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import ConfigurationError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.operations.diff import compared_with
from gitops_cli.operations.ports import Cluster, Following

SECONDS = 300.0
_TICK = 0.5  # how long one cluster is listened to before the next one
_AGAIN = 2.0  # between looks when nothing is heard
_LAG = 2.0  # pods are watched apart from their workload, and may be shown as they were
_BREATH = 0.05  # events come in flocks; one look serves many
_LASTING = (Denied, ConfigurationError)  # asking again will not mend it

Key = tuple[EnvironmentName, ServiceName]


class Awaited(NamedTuple):
    """Services of one cluster whose rollouts are waited for."""

    cluster: Cluster
    services: Mapping[EnvironmentName, frozenset[ServiceName]]


class WaitEnd(NamedTuple):
    """How it ended for one service. `row` is None where nothing was seen of it.

    `error` says why the cluster could not be asked (any more).
    """

    row: Row | None
    verdict: RolloutVerdict
    error: GitOpsError | None = None


def give_up_if_changed(row: Row) -> RolloutVerdict | None:
    """Judge a row that differs after a sync: somebody else changed it."""
    return RolloutVerdict.CHANGED


class RolloutWait:
    """Waits for the rollouts of some services, in one or several clusters.

    `environments` is what git wants. `heard` is told of a row whenever it changed. `differing`
    judges a row whose workload or pods are not what git wants: a verdict ends the wait for it.
    `gone`: a rollout has ended only when the pods that it replaced are no more.
    """

    def __init__(
        self,
        awaited: Sequence[Awaited],
        environments: Mapping[EnvironmentName, Environment],
        team: TeamSettings,
        *,
        now: Callable[[], datetime],
        heard: Callable[[Row], None] = lambda row: None,
        differing: Callable[[Row], RolloutVerdict | None] = give_up_if_changed,
        gone: bool = False,
    ) -> None:
        self._awaited = awaited
        self._environments = environments
        self._team = team
        self._now = now
        self._heard = heard
        self._differing = differing
        self._gone = gone
        self._last: dict[Key, Row] = {}
        self._settled: dict[Key, WaitEnd] = {}
        self._looked: dict[EnvironmentName, Observed] = {}
        self._explained: dict[Trouble, tuple[float, Trouble]] = {}
        self._differs_since: dict[Key, float] = {}

    def run(self, timeout: float) -> dict[Key, WaitEnd]:
        """Wait at most so many seconds; every service gets a verdict."""
        deadline = time.monotonic() + timeout
        with ExitStack() as stack:
            following = [
                (one, stack.enter_context(one.cluster.follow(self._targets(one))))
                for one in self._awaited
            ]
            looked_at = 0.0
            while self._pending_of(self._awaited) and (left := deadline - time.monotonic()) > 0:
                # What is judged by more than the cluster, such as git, may change without an event.
                again = time.monotonic() - looked_at >= _AGAIN
                if again:
                    looked_at = time.monotonic()
                for one, follower in following:
                    if self._pending_of([one]):
                        self._listen(one, follower, min(left, _TICK), again=again)
            for one, follower in following:
                self._time_out(one, follower)
        return self._settled

    @property
    def notes(self) -> dict[EnvironmentName, tuple[str, ...]]:
        """Return what could not be looked at for lack of rights."""
        return {name: observed.notes for name, observed in self._looked.items()}

    def _targets(self, one: Awaited) -> list[Target]:
        return [
            target_of(self._environments[name], pods=True, rules=self._team.services)
            for name in one.services
        ]

    def _pending_of(self, awaited: Sequence[Awaited]) -> list[Key]:
        return [
            (name, service)
            for one in awaited
            for name, services in one.services.items()
            for service in services
            if (name, service) not in self._settled
        ]

    def _listen(self, one: Awaited, follower: Following, seconds: float, *, again: bool) -> None:
        if not follower.wait(seconds) and not again:
            return
        for name in one.services:
            observed = follower.observed(name)
            if observed is not None and (again or observed is not self._looked.get(name)):
                self._looked[name] = observed
                self._look(one, name, observed)
        time.sleep(_BREATH)

    def _look(self, one: Awaited, name: EnvironmentName, observed: Observed) -> None:
        comparison = compared_with(self._environments[name], observed, self._team, now=self._now())
        rows = comparison.by_service
        for key in self._pending_of([one]):
            if key[0] == name:
                self._judge(one.cluster, key, rows.get(key[1], []), comparison.problems)

    def _judge(
        self, cluster: Cluster, key: Key, rows: Sequence[Row], problems: Sequence[GitOpsError]
    ) -> None:
        if not rows:
            lasting = next((p for p in problems if isinstance(p, _LASTING)), None)
            if lasting is not None:
                self._settled[key] = WaitEnd(None, RolloutVerdict.FAILED, lasting)
            return
        row = telling(rows)
        if self._may_lag(key, row):
            return
        row = self._with_reasons(cluster, row)
        verdict = self._verdict(row)
        if self._gone and verdict is RolloutVerdict.READY:
            left = self._still_there(row)
            if isinstance(left, Denied):
                self._settled[key] = WaitEnd(row, RolloutVerdict.FAILED, left)
                return
            if left is not None:
                verdict, row = None, row._replace(state=State.ROLLING, reason=left)
        if _news(self._last.get(key)) != _news(row):
            self._heard(row)
        self._last[key] = row
        if verdict is not None:
            self._settled[key] = WaitEnd(row, verdict)

    def _may_lag(self, key: Key, row: Row) -> bool:
        """Tell whether only the pods differ, or the workload is gone, for a moment so far.

        Some tools delete a workload and make it anew.
        """
        pods = row.state is State.DIFFERS and not row.needs_patch
        if not pods and row.state is not State.MISSING:
            self._differs_since.pop(key, None)
            return False
        return time.monotonic() - self._differs_since.setdefault(key, time.monotonic()) < _LAG

    def _verdict(self, row: Row) -> RolloutVerdict | None:
        if row.is_as_far_as_it_goes:
            return RolloutVerdict.READY
        match row.state:
            case State.IN_SYNC | State.DIGEST:
                return RolloutVerdict.READY
            case State.DIFFERS:
                return self._differing(row)
            case State.MISSING | State.UNCLEAR:
                return RolloutVerdict.CHANGED
        if row.rollout is not None and row.rollout.phase is Phase.HALTED:
            return RolloutVerdict.HALTED
        final = row.trouble is not None and row.trouble.final
        failed = row.rollout is not None and row.rollout.phase is Phase.FAILED
        return RolloutVerdict.FAILED if failed or final else None

    def _still_there(self, row: Row) -> str | Denied | None:
        """Return which replaced pods are still there, or why that cannot be told."""
        observed = self._looked[row.environment]
        workload = observed.workload(row.kind, row.workload_name)
        if workload is None:
            return None
        pods = observed.pods_of(workload)
        if pods is None:
            return Denied(
                f"not permitted to list pods in {row.environment}, so whether old ones are gone "
                f"cannot be told",
                hint="a Role must grant `list` on `pods`, or wait without `gone`",
            )
        old = leaving(workload, pods)
        names = ", ".join(pod.name for pod in old[:3])
        return f"{plural(len(old), 'old pod')} not gone yet: {names}" if old else None

    def _with_reasons(self, cluster: Cluster, row: Row) -> Row:
        """Explain a trouble once; a suspicion is asked about again until it is confirmed."""
        if (question := row.question) is None:
            return row
        asked_at, answer = self._explained.get(question, (0.0, None))
        confirmed = answer is not None and (row.trouble is not None or answer.message)
        if answer is None or (not confirmed and time.monotonic() - asked_at > _AGAIN):
            [answer] = cluster.explain([(row.environment, question)])
            self._explained[question] = (time.monotonic(), answer)
        return row.with_answer(answer)

    def _time_out(self, one: Awaited, follower: Following) -> None:
        for key in self._pending_of([one]):
            self._settled[key] = WaitEnd(
                self._last.get(key), RolloutVerdict.TIMED_OUT, follower.error
            )


def _news(row: Row | None) -> tuple[object, ...] | None:
    if row is None:
        return None
    return (row.state, row.reason, row.rollout.counts if row.rollout is not None else None)
