"""Waiting for rollouts, where what is seen of a cluster arrives in pieces."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.syncing import Verdict
from gitops_cli.domain.team import Team
from gitops_cli.domain.workload import Observed, Pod
from gitops_cli.operations import waiting
from gitops_cli.operations.waiting import Awaited, Waiting
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
        return False

    def observed(self, namespace: str) -> Observed | None:
        return self._now


def complete(*pods: Pod) -> Observed:
    return Observed(SPACE, (workload(f"r/web:{NEW}"),), pods)


def verdict(watched: Any) -> Verdict:
    wanted = environment(web_deployment=NEW)
    awaited = Awaited(watched, {SPACE: frozenset(wanted.files)})
    settled = Waiting([awaited], {SPACE: wanted}, Team(), now=lambda: NOW).run(30)
    return settled[SPACE, next(iter(wanted.files))].verdict


def test_old_pods_that_are_still_shown_are_nobody_elses_change() -> None:
    watched = Watched(complete(pod(f"r/web:{OLD}")), complete(pod(f"r/web:{NEW}")))

    assert verdict(watched) is Verdict.READY


def test_pods_that_stay_different_are_somebody_elses_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_AGAIN", 0.1)

    assert verdict(Watched(complete(pod(f"r/web:{OLD}")))) is Verdict.CHANGED
