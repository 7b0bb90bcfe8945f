"""Pods that are ready between two crashes: not in sync, and not ready, until they have held."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.live import OLD, Live, image
from tests.testbed.kube import path
from tests.testbed.manifests import workload
from tests.testbed.patience import HANGING, PATIENCE, eventually


@dataclass
class Node:
    """Says of the one pod of `web` what a kubelet would: the fake nodes leave it alone."""

    live: Live

    def says(self, *, restarts: int, ran: float, ago: float) -> None:
        """Report a ready pod, started again so many seconds ago after a crash."""
        [pod] = self.live.kube.pods(self.live.namespace)
        now = datetime.now(UTC)
        since = now - timedelta(seconds=ago)
        began = {"startedAt": stamp(since - timedelta(seconds=ran)), "finishedAt": stamp(since)}
        container: dict[str, Any] = {
            "name": "web",
            "image": image("web", OLD),
            "imageID": "",
            "ready": True,
            "restartCount": restarts,
            "state": {"running": {"startedAt": stamp(since)}},
        }
        if restarts:
            ended = {"exitCode": 1, "reason": "Error", **began}
            container["lastState"] = {"terminated": ended}
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": stamp(now)}
            for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ]
        status = {
            "phase": "Running",
            "startTime": stamp(now),
            "conditions": conditions,
            "containerStatuses": [container],
        }
        self.live.kube.request(
            "PATCH",
            path("Pod", self.live.namespace, pod["metadata"]["name"]) + "/status",
            {"status": status},
            content_type="application/merge-patch+json",
        )
        self.live.kube.wait_rolled_out("Deployment", self.live.namespace, "web")


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def node(live: Live) -> Node:
    """Return the node of the one pod, which has git's image."""
    live.record({"web.deployment": OLD})
    manifest = workload("Deployment", "web", {"web": image("web", OLD)})
    manifest["spec"]["template"]["spec"]["nodeName"] = "elsewhere"
    live.kube.create(manifest, live.namespace)
    eventually(lambda: len(live.kube.pods(live.namespace)) == 1)
    return Node(live)


def test_a_pod_that_crashes_every_minute_is_not_in_sync(live: Live, node: Node) -> None:
    node.says(restarts=57, ran=60, ago=20)

    done = live.diff()

    assert done.code == 1, str(done)
    row = live.rows()["web"]
    assert row["state"] == "failed"
    assert "Restarting, exit code 1: web restarted 57 times, last at 20" in row["reason"]


def test_a_sync_does_not_call_it_ready_and_ends(live: Live, node: Node) -> None:
    node.says(restarts=57, ran=60, ago=20)
    began = time.monotonic()

    done = live.sync("--wait", "--timeout", "8s")

    assert done.code == 8, str(done)
    assert "restarted 57 times" in done.stdout
    assert time.monotonic() - began < HANGING
    assert live.gitops("wait", live.namespace, "--timeout", "3s").code == 8


def test_a_single_restart_long_ago_is_no_failure(live: Live, node: Node) -> None:
    node.says(restarts=1, ran=5, ago=3600)

    live.diff().ok()
    live.sync("--wait", "--timeout", "2m").ok()


def test_one_crash_at_the_start_is_waited_out_without_an_event(live: Live, node: Node) -> None:
    node.says(restarts=1, ran=2, ago=5)
    row = live.rows()["web"]
    assert row["state"] == "rolling"
    assert "web restarted once" in row["reason"]

    live.sync("--wait", "--timeout", "3m").ok()

    assert live.rows()["web"]["state"] == "in-sync"


def test_watch_sees_that_it_has_held(live: Live, node: Node) -> None:
    node.says(restarts=1, ran=2, ago=5)
    with live.gitops.start("watch", live.namespace, "--timeout", "1h") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or (lines[-1] and "in sync" not in lines[-1]):
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert any("rolling" in line for line in lines)
    assert "in sync" in lines[-1]
