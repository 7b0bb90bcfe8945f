"""`--wait` of the writers: an agent, or somebody's sync, brings it to the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import ABSENT, NEW, OLD, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, eventually

SOURCE = "elsewhere-development"


@pytest.fixture
def waiting(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment at the old version, and one to promote the new one from."""
    live = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    live.record({"web.deployment": OLD})
    live.record(
        {"images_path": "registry.example.com/shop/", "web.deployment": NEW}, environment=SOURCE
    )
    live.running("web", OLD)
    return live


def promotion(live: Live, *more: str) -> list[str]:
    return ["promote", "web", "--from", SOURCE, "--to", live.namespace, "--yes", "--wait", *more]


def recorded(live: Live) -> str:
    return git(live.remote, "show", f"main:{live.namespace}/web.deployment")


def test_promote_returns_when_the_cluster_has_it(waiting: Live) -> None:
    with waiting.gitops.start(*promotion(waiting, "-o", "json")) as promoting:
        eventually(lambda: recorded(waiting) == NEW)
        waiting.sync().ok()
        out, err = promoting.communicate(timeout=60)
    assert promoting.returncode == 0, err
    assert '"kind": "promotion"' in out
    assert waiting.image_of("web") == image("web", NEW)


def test_nobody_brings_it(waiting: Live) -> None:
    done = waiting.gitops(*promotion(waiting, "--timeout", "3s"))
    assert done.code == 8
    assert recorded(waiting) == NEW
    assert f"recorded, but {waiting.namespace} does not have it yet" in done.stderr
    assert f"gitops sync {waiting.namespace}" in done.stderr
    waiting.sync("--wait").ok()
    again = waiting.gitops(*promotion(waiting, "--timeout", "30s")).ok()
    assert "in-sync" in again.stderr


def test_a_rollout_that_fails_says_how_to_go_back(waiting: Live) -> None:
    waiting.record({"web.deployment": ABSENT}, environment=SOURCE)
    with waiting.gitops.start(*promotion(waiting)) as promoting:
        eventually(lambda: recorded(waiting) == ABSENT)
        waiting.sync().ok()
        _, err = promoting.communicate(timeout=60)
    assert promoting.returncode == 7
    assert "not found" in err
    assert f"gitops rollback web -e {waiting.namespace}" in err


def test_rollback_waits_too(waiting: Live) -> None:
    waiting.record({"web.deployment": NEW})
    waiting.sync("--wait").ok()
    rollback = ["rollback", "web", "-e", waiting.namespace, "--yes", "--wait", "--timeout", "60s"]
    with waiting.gitops.start(*rollback) as going_back:
        eventually(lambda: recorded(waiting) == OLD)
        waiting.sync().ok()
        _, err = going_back.communicate(timeout=60)
    assert going_back.returncode == 0, err
    assert waiting.image_of("web") == image("web", OLD)


def test_rollback_waits_for_what_is_recorded_already(waiting: Live) -> None:
    waiting.record({"web.deployment": NEW})
    waiting.sync("--wait").ok()
    rollback = ["rollback", "web", "-e", waiting.namespace, "--to", OLD, "--yes", "--wait"]
    assert waiting.gitops(*rollback, "--timeout", "3s").code == 8
    assert recorded(waiting) == OLD
    again = waiting.gitops(*rollback, "--timeout", "3s")
    assert again.code == 8, "CI repeats a step: nothing to record is not yet arrived"
    waiting.sync("--wait").ok()
    waiting.gitops(*rollback, "--timeout", "60s").ok()


def test_what_cannot_arrive_ends_as_wait_does(waiting: Live) -> None:
    waiting.kube.delete("Deployment", waiting.namespace, "web")
    done = waiting.gitops(*promotion(waiting, "--timeout", "60s"))
    assert done.code == 1
    assert f"recorded, but not in {waiting.namespace}: web" in done.stderr
    assert waiting.gitops("wait", waiting.namespace, "--timeout", "60s").code == 1
