"""Waiting for rollouts, where what is seen of a cluster arrives in pieces."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from gitops_cli.domain.cluster.comparison import Row, State
from gitops_cli.domain.cluster.sync import RolloutVerdict
from gitops_cli.domain.cluster.workload import Observed, Pod
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations import waiting
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.waiting import Awaited, RolloutWait
from tests.domain.test_comparison import NEW, NOW, OLD, SPACE, environment, pod, workload


class Watched:
    """A cluster whose watches deliver these observations, then nothing more."""

    error = None

    def __init__(self, *seen: Observed) -> None:
        self._seen = list(seen)
        self._now: Observed | None = None

    def follow(self, targets: object) -> Watched:
        return self

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait(self, timeout: float) -> bool:
        if self._seen:
            self._now = self._seen.pop(0)
            return True
        time.sleep(timeout)
        return False

    def observed(self, namespace: str) -> Observed | None:
        return self._now


def complete(*pods: Pod) -> Observed:
    return Observed(SPACE, (workload(f"r/web:{NEW}"),), pods)


def verdict(watched: Any, heard: Callable[[Row], None] = lambda row: None) -> RolloutVerdict:
    wanted = environment(web_deployment=NEW)
    awaited = Awaited(watched, {SPACE: frozenset(wanted.files)})
    waiting = RolloutWait([awaited], {SPACE: wanted}, TeamSettings(), now=lambda: NOW, heard=heard)
    return waiting.run(30)[SPACE, next(iter(wanted.files))].verdict


def test_old_pods_that_are_still_shown_are_nobody_elses_change() -> None:
    watched = Watched(complete(pod(f"r/web:{OLD}")), complete(pod(f"r/web:{NEW}")))

    heard: list[Row] = []
    assert verdict(watched, heard.append) is RolloutVerdict.READY
    assert [row.state for row in heard] == [State.IN_SYNC]


def test_pods_that_stay_different_are_somebody_elses_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_AGAIN", 0.1)
    monkeypatch.setattr(waiting, "_LAG", 0.1)

    assert verdict(Watched(complete(pod(f"r/web:{OLD}")))) is RolloutVerdict.CHANGED


def test_a_workload_that_is_made_anew_meanwhile_is_followed() -> None:
    """As `helm upgrade --force` does: it is gone for a moment."""
    gone = Observed(SPACE, (), ())
    assert verdict(Watched(gone, complete(pod(f"r/web:{NEW}")))) is RolloutVerdict.READY


def test_a_workload_that_stays_away_is_somebody_elses_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_AGAIN", 0.1)
    monkeypatch.setattr(waiting, "_LAG", 0.1)

    assert verdict(Watched(Observed(SPACE, (), ()))) is RolloutVerdict.CHANGED


def test_another_image_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LAG", 1000)
    other = Observed(SPACE, (workload(f"r/web:{OLD}"),), ())

    assert verdict(Watched(other)) is RolloutVerdict.CHANGED


def test_every_cluster_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the first one has nothing new: each is judged by more than its own events."""
    monkeypatch.setattr(waiting, "_TICK", 0.05)
    monkeypatch.setattr(waiting, "_AGAIN", 0.2)
    wanted = environment(web_deployment=NEW)
    there = EnvironmentName("p-elsewhere")
    other = Observed(SPACE, (workload(f"r/web:{OLD}"),), ())
    environments = {SPACE: wanted, there: wanted._replace(name=there)}
    awaited = [
        Awaited(cast("Cluster", Watched(other)), {name: frozenset(wanted.files)})
        for name in environments
    ]
    asked: Counter[EnvironmentName] = Counter()

    def judged(row: Row) -> RolloutVerdict | None:
        asked[row.environment] += 1
        return RolloutVerdict.CHANGED if asked[there] > 2 else None

    settled = RolloutWait(
        awaited, environments, TeamSettings(), now=lambda: NOW, differing=judged
    ).run(20)

    assert {each.verdict for each in settled.values()} == {RolloutVerdict.CHANGED}
