"""An agent whose clock is wrong does and judges the same."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitops_cli.agent.model.outcome import Visit
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.running import Agent
from gitops_cli.agent.tip_reader import TipReader
from gitops_cli.cluster.connection import connect
from gitops_cli.cluster.objects import Objects
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.placement import Clusters
from tests.agent.world import World, build_world
from tests.testbed.article import Article
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.patience import eventually

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"


def run_at(world: World, skew: timedelta) -> Visit:
    """Do one round as an agent whose clock is off."""
    with ExitStack() as stack:
        cluster = stack.enter_context(closing(connect(None, world.kubeconfig)))
        tips = TipReader(str(world.article.remote), environment=world.gitops.environment)
        agent = Agent(
            stack.enter_context(closing(tips)),
            Clusters(lambda context, declared: cluster),
            Objects(cluster.api),
            [EnvironmentName(world.environment)],
            now=lambda: datetime.now(UTC) + skew,
            version="1",
        )
        [visit] = agent.round().visits
        return visit


def versions(kube: Kube, environment: str, app: str) -> list[str]:
    """Return the version of each pod that there is."""
    pods = kube.pods(environment, app)
    return sorted(pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_changes_neither_what_is_done_nor_how_it_is_judged(
    world: World, control_plane: ControlPlane, hours: int
) -> None:
    # Its CronJob runs once a year, so that nobody else writes the status.
    schedule = {"suspend": False, "schedule": "0 0 1 1 *"}
    world.kube.patch("CronJob", world.environment, NAME, {"spec": schedule})
    looking = world.gitops.using(
        GITOPS_REPO=world.article.remote, KUBECONFIG=control_plane.kubeconfig
    )
    commit = world.article.push(world.environment, {"authentication": NEW})

    visit = run_at(world, timedelta(hours=hours))

    assert visit.exit_code == 0
    assert world.images() == world.article.images(world.environment)
    written = datetime.fromisoformat(world.status()["last-attempt"])
    assert abs(written - datetime.now(UTC)) > timedelta(minutes=50), "its clock is off"
    [told] = looking("agent", "status", world.environment, "-o", "json").ok().json()["agents"]
    assert (told["health"], told["commit"]) == ("ok", commit)
    stale = looking("agent", "status", world.environment, "--stale-after", "0s", "-o", "json")
    assert stale.code == 1
    assert stale.json()["agents"][0]["health"] == "stale"


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_gives_no_rollout_up(
    control_plane: ControlPlane,
    kube: Kube,
    article: Article,
    gitops: Gitops,
    tmp_path: Path,
    hours: int,
) -> None:
    world = build_world(control_plane, kube, article, gitops, tmp_path)
    skew = timedelta(hours=hours)
    template = {"metadata": {"annotations": {"fake-node/fate": "unready"}}}
    for name in world.images():
        kube.wait_rolled_out("Deployment", world.environment, name)
    [before] = versions(kube, world.environment, "orders")
    kube.patch("Deployment", world.environment, "orders", {"spec": {"template": template}})
    world.article.push(world.environment, {"orders": NEW})

    run_at(world, skew)
    # Those of the template without a new version are gone, so all that are there stay.
    eventually(lambda: versions(kube, world.environment, "orders") == sorted([before, NEW]))
    visit = run_at(world, skew)

    assert visit.exit_code == 0
    assert world.status()["result"] == "waiting"
    kube.let_ready(world.environment, "orders")
    kube.wait_rolled_out("Deployment", world.environment, "orders")
    assert run_at(world, skew).exit_code == 0
    assert world.status()["result"] == "in-sync"
