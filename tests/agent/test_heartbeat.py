"""A controller's heartbeat, the probe that reads it, and the pauses between rounds."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_cli.agent.cli.run import keep_going
from gitops_cli.agent.model.manifests import HEARTBEAT, manifests
from gitops_cli.agent.model.spec import AgentMode
from gitops_cli.agent.running import Agent
from gitops_cli.agent.tip_reader import TipReader
from gitops_cli.cluster.connection import connect
from gitops_cli.cluster.objects import Objects
from gitops_cli.operations.placement import Clusters
from tests.agent.world import World, spec_of
from tests.testbed.patience import PATIENCE, eventually

ROUND = 300  # seconds that a round may take


def is_alive(heartbeat: Path, *, interval: int = 60) -> bool:
    """Do what the kubelet does with the Deployment's liveness probe, for a file elsewhere."""
    spec = spec_of("shop-production", mode=AgentMode.CONTROLLER, interval=interval)
    [pod] = [m["spec"]["template"]["spec"] for m in manifests(spec) if m["kind"] == "Deployment"]
    command = pod["containers"][0]["livenessProbe"]["exec"]["command"]
    here = [word.replace(HEARTBEAT, str(heartbeat)) for word in command]
    return subprocess.run(here, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("interval", [1, 60, 600])
def test_a_heartbeat_counts_for_a_round_and_two_pauses_and_no_longer(
    tmp_path: Path, interval: int
) -> None:
    heartbeat = tmp_path / "heartbeat"
    assert not is_alive(heartbeat, interval=interval), "nothing was ever done"
    heartbeat.touch()

    def aged(seconds: float) -> bool:
        os.utime(heartbeat, (time.time() - seconds,) * 2)
        return is_alive(heartbeat, interval=interval)

    assert aged(0)
    assert aged(ROUND + 2 * interval - 30)
    assert not aged(ROUND + 2 * interval + 150)


def test_a_controller_that_hangs_is_found_out(world: World, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    arguments = ["--repo", str(world.article.remote), "--kubeconfig", str(world.kubeconfig)]
    arguments += [f"--env={world.environment}", "--interval=1s", f"--heartbeat={heartbeat}"]
    process = world.gitops.start("agent", "run", *arguments)
    try:
        eventually(heartbeat.exists)
        assert is_alive(heartbeat)

        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: is_stopped(process.pid))
        long_ago = time.time() - 3600
        os.utime(heartbeat, (long_ago, long_ago))
        assert not is_alive(heartbeat)

        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: is_alive(heartbeat))
    finally:
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said


def is_stopped(pid: int) -> bool:
    """Tell whether none of a process's threads runs any more: a signal arrives when one does."""
    stats = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


class Impatient(threading.Event):
    """Notes how long it was to wait, does not, and is set after so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._times = times

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.asked.append(timeout)
        if len(self.asked) == self._times:
            self.set()
        return self.is_set()


def test_no_pause_is_as_long_as_the_one_before(world: World) -> None:
    """Many agents that were started together must not ask the git server in step."""
    stop = Impatient(30)
    with (
        closing(connect(None, world.kubeconfig)) as cluster,
        closing(TipReader(str(world.article.remote), environment=world.gitops.environment)) as tips,
    ):
        agent = Agent(
            tips,
            Clusters(lambda context, declared: cluster),
            Objects(cluster.api),
            [],
            now=lambda: datetime.now(UTC),
            version="1",
            interval=100,
        )
        keep_going(agent, 100.0, stop, None, lambda line: None)

    assert len(stop.asked) == 30
    assert len(set(stop.asked)) == 30
    assert all(90 <= seconds <= 110 for seconds in stop.asked)
    assert max(stop.asked) - min(stop.asked) > 5
