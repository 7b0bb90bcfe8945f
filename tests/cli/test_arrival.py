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
def behind(
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


def test_promote_returns_when_the_cluster_has_it(behind: Live) -> None:
    with behind.gitops.start(*promotion(behind, "-o", "json")) as promoting:
        eventually(lambda: recorded(behind) == NEW)
        behind.sync().ok()
        out, err = promoting.communicate(timeout=60)
    assert promoting.returncode == 0, err
    assert '"kind": "promotion"' in out
    assert behind.image_of("web") == image("web", NEW)


def test_nobody_brings_it(behind: Live) -> None:
    done = behind.gitops(*promotion(behind, "--timeout", "3s"))
    assert done.code == 8
    assert recorded(behind) == NEW
    assert f"recorded, but {behind.namespace} does not have it yet" in done.stderr
    assert f"gitops sync {behind.namespace}" in done.stderr
    behind.sync("--wait").ok()
    again = behind.gitops(*promotion(behind, "--timeout", "30s")).ok()
    assert "in-sync" in again.stderr


def test_a_rollout_that_fails_says_how_to_go_back(behind: Live) -> None:
    behind.record({"web.deployment": ABSENT}, environment=SOURCE)
    with behind.gitops.start(*promotion(behind)) as promoting:
        eventually(lambda: recorded(behind) == ABSENT)
        behind.sync().ok()
        _, err = promoting.communicate(timeout=60)
    assert promoting.returncode == 7
    assert "not found" in err
    assert f"gitops rollback web -e {behind.namespace}" in err


def test_rollback_waits_too(behind: Live) -> None:
    behind.record({"web.deployment": NEW})
    behind.sync("--wait").ok()
    rollback = ["rollback", "web", "-e", behind.namespace, "--yes", "--wait", "--timeout", "60s"]
    with behind.gitops.start(*rollback) as going_back:
        eventually(lambda: recorded(behind) == OLD)
        behind.sync().ok()
        _, err = going_back.communicate(timeout=60)
    assert going_back.returncode == 0, err
    assert behind.image_of("web") == image("web", OLD)
