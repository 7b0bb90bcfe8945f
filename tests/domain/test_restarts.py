"""A pod that is ready may be so between two crashes: when a restart counts, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_cli.domain.cluster.rollout import Phase, Rollout, judge
from gitops_cli.domain.cluster.workload import Counts, Ended, PodContainer
from tests.domain.test_rollout import BEGIN, DONE, pod, workload


def restarted(times: int, *, ran: float | None, ago: float, counts: Counts = DONE) -> Rollout:
    """Judge a ready pod that was started again so many seconds ago."""
    container = PodContainer(
        "web",
        "r/web:1",
        running=True,
        ready=True,
        restarts=times,
        ended_before=Ended(1, "Error", ran=ran),
        started_at=BEGIN - timedelta(seconds=ago),
    )
    return judge(workload(counts=counts), [pod(container)], now=BEGIN)


@pytest.mark.parametrize(
    ("times", "ran", "ago"),
    [
        pytest.param(1, 5.0, 31.0, id="one-crash-at-the-start-that-was-waited-out"),
        pytest.param(1, 5.0, 90 * 86400.0, id="one-long-ago"),
        pytest.param(9, 20.0, 3600.0, id="many-long-ago"),
        pytest.param(57, 60.0, 601.0, id="longer-than-the-kubelet-remembers"),
        pytest.param(3, 12.0, 37.0, id="longer-than-all-runs-before"),
        pytest.param(1, None, 31.0, id="nobody-knows-how-long-it-ran"),
    ],
)
def test_a_restart_that_has_held_is_forgotten(times: int, ran: float | None, ago: float) -> None:
    assert restarted(times, ran=ran, ago=ago).phase is Phase.COMPLETE


@pytest.mark.parametrize(
    ("times", "ran", "ago"),
    [
        pytest.param(57, 60.0, 50.0, id="every-minute"),
        pytest.param(57, 60.0, 599.0, id="until-the-kubelet-forgets"),
        pytest.param(2, 1.0, 29.0, id="twice-at-once"),
    ],
)
def test_ready_between_crashes_is_a_trouble(times: int, ran: float, ago: float) -> None:
    found = restarted(times, ran=ran, ago=ago)
    assert (found.phase, found.is_over) == (Phase.PROGRESSING, False)
    assert found.trouble is not None
    assert (found.trouble.reason, found.trouble.exit_code) == ("Restarting", 1)
    assert (found.trouble.restarts, found.trouble.final) == (times, False)
    assert f"web restarted {times} times, last at 20" in found.trouble.text


def test_ready_between_crashes_is_a_trouble_while_the_status_still_says_unavailable() -> None:
    found = restarted(2, ran=1.0, ago=1.0, counts=Counts(1, 1, 1, 0, 0))
    assert found.trouble is not None
    assert (found.trouble.reason, found.trouble.exit_code) == ("Restarting", 1)
    assert restarted(1, ran=1.0, ago=1.0, counts=Counts(1, 1, 1, 0, 0)).trouble is None


@pytest.mark.parametrize(
    ("times", "ran", "ago"),
    [
        pytest.param(1, 2.0, 10.0, id="the-first"),
        pytest.param(5, 86400.0, 100.0, id="after-a-long-run"),
    ],
)
def test_a_single_restart_just_now_is_on_its_way(times: int, ran: float, ago: float) -> None:
    found = restarted(times, ran=ran, ago=ago)
    assert (found.phase, found.trouble) == (Phase.PROGRESSING, None)
    assert "last exit code 1" in found.message


def test_what_was_restarted_of_an_older_template_counts_no_more() -> None:
    old = PodContainer(
        "web", "r/web:0", running=True, restarts=9, ended_before=Ended(1), started_at=BEGIN
    )
    new = PodContainer("web", "r/web:1", running=True, started_at=BEGIN)
    pods = [pod(old, name="web-0", revision="0", age=100), pod(new)]
    assert judge(workload(), pods, now=BEGIN).phase is Phase.COMPLETE
