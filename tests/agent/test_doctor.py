"""`gitops doctor` where agents run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import World
from tests.testbed.controlplane import ControlPlane

Checks = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def checks(world: World, control_plane: ControlPlane) -> Checks:
    """Return what tells doctor's findings about agents by their names."""
    cli = world.gitops.using(GITOPS_REPO=world.article.remote, KUBECONFIG=control_plane.kubeconfig)

    def look() -> dict[str, dict[str, Any]]:
        found = cli("doctor", "--no-registry", "-o", "json").json()["checks"]
        return {check["name"]: check for check in found if check["name"].startswith("agent")}

    return look


def test_one_that_is_stopped_and_one_that_follows(world: World, checks: Checks) -> None:
    name = f"agent of {world.environment}"
    stopped = checks()
    assert list(stopped) == [name], "nor is it said that none is running"
    assert stopped[name]["verdict"] == "warning"
    assert stopped[name]["detail"] == "suspended: somebody stopped it"

    world.kube.patch("CronJob", world.environment, NAME, {"spec": {"suspend": False}})
    waiting = checks()
    assert waiting[name]["verdict"] == "failed"
    assert waiting[name]["detail"] == "never-ran: it has not run yet"
    assert waiting[name]["hint"] == f"gitops agent status {world.environment}"

    world.run().ok()
    assert checks() == {
        "agents": {
            "name": "agents",
            "verdict": "ok",
            "detail": f"well: {world.environment}",
            "hint": None,
        }
    }


def test_one_that_fails_says_why(world: World, checks: Checks) -> None:
    world.kube.patch("CronJob", world.environment, NAME, {"spec": {"suspend": False}})
    world.article.push(world.environment, {"authentication": "no version at all"})
    world.run()

    found = checks()

    assert list(found) == [f"agent of {world.environment}"]
    [check] = found.values()
    assert check["verdict"] == "failed"
    assert check["detail"].startswith("failing: ")
    assert "authentication" in check["detail"]
