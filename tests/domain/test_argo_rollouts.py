"""Rollouts of Argo, judged by their own controller."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_cli.domain.cluster.rollout import Phase, judge, leaving
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    Counts,
    Ended,
    PodContainer,
    Stated,
    Workload,
)
from gitops_cli.domain.recorded.environment import Kind
from tests.domain.cluster_values import NOW, pod, running, workload

# --- Rollouts of Argo, judged by their own controller


def stated(phase: str, message: str = "", *, goes_on: bool = False) -> Workload:
    counts = Counts(wanted=2, existing=2, updated=1, ready=1, available=1)
    said = Stated(phase, message, goes_on)
    return workload("r/web:1", kind=Kind.ROLLOUT, counts=counts, stated=said)


@pytest.mark.parametrize(
    ("of", "phase", "message"),
    [
        (stated("Healthy"), Phase.COMPLETE, ""),
        (stated("Degraded", "the analysis failed"), Phase.FAILED, "the analysis failed"),
        (stated("Degraded"), Phase.FAILED, "Degraded"),
        (
            stated("Paused"),
            Phase.HALTED,
            "paused: somebody has to promote it; `kubectl argo rollouts promote web -n shop`",
        ),
        (
            stated("Paused", "CanaryPauseStep"),
            Phase.HALTED,
            "paused: CanaryPauseStep; `kubectl argo rollouts promote web -n shop`",
        ),
        (stated("Paused", "for 30 s", goes_on=True), Phase.PROGRESSING, "for 30 s"),
        (stated("Progressing", "more replicas"), Phase.PROGRESSING, "more replicas"),
        (stated("Progressing"), Phase.PROGRESSING, "1 of 2 updated"),
    ],
)
def test_a_rollout_is_judged_by_what_its_controller_says(
    of: Workload, phase: Phase, message: str
) -> None:
    found = judge(of)

    assert (found.phase, found.message) == (phase, message)
    assert found.counts == ((2, 2) if phase is Phase.COMPLETE else (1, 2))
    degraded = of.stated is not None and of.stated.phase == "Degraded"
    expected = (
        Trouble("Degraded", of.stated.message, final=True) if degraded and of.stated else None
    )
    assert found.trouble == expected


def test_a_rollouts_pods_say_why() -> None:
    waits = PodContainer("web", "r/web:1", waiting="ImagePullBackOff", message="x not found")
    failing = pod(waits, ready=False)

    for phase in ("Progressing", "Degraded"):
        found = judge(stated(phase, "said"), [failing])
        assert (found.phase, found.message) == (Phase.FAILED, "said")
        assert found.trouble is not None
        assert found.trouble.reason == "ImagePullBackOff"
    slow = pod(waits._replace(message="no route"), ready=False)
    assert judge(stated("Progressing"), [slow]).phase is Phase.PROGRESSING
    halted = judge(stated("Paused"), [slow])
    assert (halted.phase, halted.trouble is None) == (Phase.HALTED, False)


def test_a_healthy_rollout_whose_pods_crash_now_and_then_is_not_done() -> None:
    ended = Ended(1, "Error", ran=20.0)
    crashed = running("r/web:1")._replace(
        ready=True, restarts=9, ended_before=ended, started_at=NOW - timedelta(seconds=5)
    )
    assert judge(stated("Healthy"), [pod(crashed)]).phase is Phase.COMPLETE, "nobody asks when"
    found = judge(stated("Healthy"), [pod(crashed)], now=NOW)
    assert (found.phase, found.trouble and found.trouble.reason) == (
        Phase.PROGRESSING,
        "Restarting",
    )


def test_a_rollout_that_has_not_seen_the_change() -> None:
    found = judge(stated("Healthy"), generation=3)

    assert (found.phase, found.message) == (
        Phase.PROGRESSING,
        "its controller has not seen the change yet",
    )


def test_pods_that_a_rollout_replaces() -> None:
    of = workload("r/web:2")
    new, old = pod(running("r/web:2")), pod(running("r/web:1"))._replace(revision="4")
    ends, over = new._replace(name="e", deleting=True), old._replace(phase="Failed")

    assert leaving(of, [new, old, ends, over]) == (old, ends)
    assert leaving(of._replace(partition=1), [new, old, ends]) == (ends,)
    assert leaving(of._replace(kind=Kind.CRONJOB), [old]) == ()
