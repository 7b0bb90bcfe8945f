"""A run that is killed or told to stop: what was begun, and what the next run makes of it."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import NAME, AgentMode
from gitops_cli.agent.view import manifests_yaml
from gitops_cli.web.parallel import ASKED_AT_ONCE
from tests.agent.world import World, apply, spec_of
from tests.testbed.article import Article
from tests.testbed.faults import ApiProxy, Meanwhile
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops, Started
from tests.testbed.kube import Kube, create_many
from tests.testbed.manifests import deployment
from tests.testbed.patience import PATIENCE, eventually

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
OLD = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


@contextmanager
def held(proxy: ApiProxy, target: str, *, skip: int = 0) -> Iterator[Callable[[], None]]:
    """Keep PATCHes of `target`, after `skip` of them, from the API server until the end, or until
    what is returned is called.
    """
    gate = threading.Event()
    proxy.on(Meanwhile(lambda: gate.wait(PATIENCE)), "PATCH", target, skip=skip, times=1000)
    try:
        yield gate.set
    finally:
        gate.set()


def started(world: World, proxy: ApiProxy) -> Started:
    """Start a run whose requests go through the proxy."""
    token = world.kube.token(world.environment, NAME)
    kubeconfig = proxy.write_kubeconfig("proxied", token)
    arguments = ["--repo", str(world.article.remote), "--env", world.environment]
    # Its temporary files are the test's: who is killed leaves them.
    gitops = world.gitops.using(TMPDIR=kubeconfig.parent)
    return gitops.start("agent", "run", *arguments, "--kubeconfig", kubeconfig)


def followers(world: World) -> int:
    """Return how many services have the new version."""
    return sum(image.endswith(NEW) for image in world.images().values())


def test_killed_between_two_patches_the_next_run_finishes(
    world: World, api_proxy: ApiProxy
) -> None:
    world.run().ok()
    before = world.status()
    commit = world.article.push(world.environment, dict.fromkeys(world.images(), NEW))
    with held(api_proxy, "/deployments/", skip=2):
        with started(world, api_proxy) as process:
            eventually(lambda: len(api_proxy.seen("PATCH", "/deployments/")) == 4)
            eventually(lambda: followers(world) == 2)
            process.kill()
        assert followers(world) == 2
        assert world.status() == before, "it tells of nothing that it did not finish"

        world.run().ok()

        assert world.images() == world.article.images(world.environment)
        status = world.status()
        assert status["commit"] == commit
        assert status["result"] == "changed"
        assert status["message"].count(NEW) == 2
        assert "error" not in status


def test_killed_before_it_told_the_next_run_tells(world: World, api_proxy: ApiProxy) -> None:
    world.run().ok()
    before = world.status()
    commit = world.article.push(world.environment, dict.fromkeys(world.images(), NEW))
    with held(api_proxy, "/configmaps/"):
        with started(world, api_proxy) as process:
            eventually(lambda: api_proxy.seen("PATCH", "/configmaps/"))
            process.kill()
        assert followers(world) == 4
        assert world.status() == before

        world.run().ok()

        assert world.status()["commit"] == world.status()["tip"] == commit
        assert world.status()["result"] in ("in-sync", "waiting")


def test_told_to_stop_amid_a_patch_it_ends_what_it_began(world: World, api_proxy: ApiProxy) -> None:
    commit = world.article.push(world.environment, dict.fromkeys(world.images(), NEW))
    with held(api_proxy, "/deployments/", skip=1) as release, started(world, api_proxy) as process:
        eventually(lambda: len(api_proxy.seen("PATCH", "/deployments/")) == 4)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert followers(world) <= 1
        release()
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0, said
    assert world.images() == world.article.images(world.environment)
    assert world.status()["commit"] == commit
    assert world.status()["result"] == "changed"


@pytest.fixture
def many(kube: Kube, article: Article) -> list[str]:
    """Return more environments than an agent visits at once, each with one service."""
    names = [f"{article.prefix}many{number}-development" for number in range(ASKED_AT_ONCE + 2)]
    image = "registry.example.com/many/"
    files: dict[str, str | None] = {f"{name}/images_path": f"{image}\n" for name in names}
    files |= {f"{name}/web.deployment": f"{NEW}\n" for name in names}
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
    add_commits(article.remote, [Commit("Add many", files, now)])
    create_many(kube, {name: [deployment("web", f"{image}web:{OLD}")] for name in names})
    return names


@pytest.mark.parametrize(("options", "code"), [([], 130), (["--interval=1h"], 0)])
def test_told_to_stop_no_further_environment_is_begun(
    many: list[str],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    api_proxy: ApiProxy,
    options: list[str],
    code: int,
) -> None:
    home = f"{article.prefix}agent"
    kube.create_namespace(home)
    apply(
        kube, manifests_yaml(manifests(spec_of(*many, namespace=home, mode=AgentMode.CONTROLLER)))
    )
    kube.patch("Deployment", home, NAME, {"spec": {"replicas": 0}})
    kubeconfig = api_proxy.write_kubeconfig("agent", kube.token(home, NAME))
    command = ["agent", "run", "--repo", article.remote, "--kubeconfig", kubeconfig, *options]
    patches = "/deployments/web"

    with (
        held(api_proxy, patches) as release,
        gitops.start(*command, *[f"--env={name}" for name in many]) as process,
    ):
        eventually(lambda: len(api_proxy.seen("PATCH", patches)) == ASKED_AT_ONCE)
        waits = times_waited(process.pid)
        process.send_signal(signal.SIGTERM)
        # The main thread has nothing to do but to hear it; then it waits again.
        eventually(lambda: times_waited(process.pid) > waits)
        release()
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == code, said
    begun = {name for name in many if api_proxy.seen("PATCH", f"/{name}/deployments/")}
    assert len(begun) == ASKED_AT_ONCE
    [tip] = git(article.remote, "rev-parse", "main").split()
    for name in many:
        image = kube.get("Deployment", name, "web")["spec"]["template"]["spec"]["containers"][0]
        told = kube.get("ConfigMap", name, NAME).get("data") or {}
        if name in begun:
            assert image["image"].endswith(NEW)
            assert (told["commit"], told["result"]) == (tip, "changed")
        else:
            assert image["image"].endswith(OLD)
            assert told == {}


def times_waited(pid: int) -> int:
    """Return how often a process's main thread has gone to sleep."""
    text = Path(f"/proc/{pid}/task/{pid}/status").read_text()
    return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
