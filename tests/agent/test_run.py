"""`gitops agent run` on the real API server with the agent's own token, and a real remote."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitops_cli.cluster.connection import connect
from gitops_cli.cluster.objects import Objects
from gitops_cli.domain.agent.manifests import manifests
from gitops_cli.domain.agent.outcome import Visit
from gitops_cli.domain.agent.spec import NAME, AgentMode
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.agent_run import Agent
from gitops_cli.operations.parallel import AT_ONCE
from gitops_cli.operations.placement import Clusters
from gitops_cli.render.agent import manifests_yaml
from gitops_cli.state.tip_reader import TipReader
from tests.agent.world import World, apply, build_world, spec_of
from tests.state.http_remote import HttpRemote
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Fault, Meanwhile
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops, Started
from tests.testbed.kube import Kube, create_many, eventually, write_kubeconfig
from tests.testbed.manifests import deployment

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
OLD = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"
MISSING = "dead0a5fceea167a5a36dedd4bea2543f8e1a4b2"


@pytest.fixture
def world(
    control_plane: ControlPlane, kube: Kube, article: Article, gitops: Gitops, tmp_path: Path
) -> World:
    """Return the article's development environment with an agent."""
    return build_world(control_plane, kube, article, gitops, tmp_path)


def test_the_cluster_follows_a_new_commit(world: World) -> None:
    commit = world.article.push(world.environment, {"authentication": NEW})

    ran = world.run().ok()

    assert world.images() == world.article.images(world.environment)
    assert world.images()["authentication"].endswith(NEW)
    status = world.status()
    assert status["commit"] == status["tip"] == commit
    assert status["result"] == "changed"
    assert "error" not in status
    assert status["last-success"] == status["last-attempt"]
    assert "authentication" in ran.stdout
    assert world.events() == ["Synced"]
    made = world.kube.get("Deployment", world.environment, "authentication")
    assert made["metadata"]["annotations"]["gitops-cli/commit"] == commit


def test_nothing_new_is_nothing_done_and_drift_is_mended(world: World) -> None:
    world.run().ok()
    assert world.status()["result"] == "in-sync"
    before = world.kube.find("Deployment", world.environment)
    versions = {d["metadata"]["name"]: d["metadata"]["generation"] for d in before}

    ran = world.run("-o", "json").ok()

    after = world.kube.find("Deployment", world.environment)
    assert {d["metadata"]["name"]: d["metadata"]["generation"] for d in after} == versions
    [told] = ran.json()["environments"]
    assert told["result"] == "in-sync"

    name = "authentication"
    world.kube.set_image("Deployment", world.environment, name, name, f"r/{name}:by-hand")
    # A repository of another name is not ours to touch: say it with the right one.
    wanted = world.article.images(world.environment)[name]
    drifted = f"{wanted.rpartition(':')[0]}:{NEW}"
    world.kube.set_image("Deployment", world.environment, name, name, drifted)
    world.run().ok()
    assert world.images()[name] == wanted


def test_without_news_one_connection_and_no_fetch(world: World, tmp_path: Path) -> None:
    def uploads(trace: Path) -> int:
        agent = replace(world, gitops=world.gitops.using(GIT_TRACE_PACKET=trace))
        agent.run().ok()
        return trace.read_text().count("command=fetch")

    assert uploads(tmp_path / "first") > 0
    assert uploads(tmp_path / "second") == 0
    world.article.push(world.environment, {"authentication": NEW})
    assert uploads(tmp_path / "third") > 0


def test_without_news_less_than_a_kilobyte_is_sent(world: World) -> None:
    for number in range(100):
        git(world.article.remote, "update-ref", f"refs/pull/{number}/head", "main")
    with HttpRemote(world.article.directory) as http:
        url = http.url(world.article.remote.name)
        run = ["agent", "run", "--repo", url, "--branch", "main", "--env", world.environment]

        def traffic() -> int:
            before = http.traffic
            world.gitops(*run, "--kubeconfig", world.kubeconfig).ok()
            return http.traffic - before

        assert traffic() > 1000, "the first run has to fetch"
        assert 0 < traffic() < 1000


def test_a_forged_pack_deploys_nothing(world: World, tmp_path: Path) -> None:
    """Whoever may write the status cannot make the agent run something else."""
    world.run().ok()
    wanted = world.images()
    config = world.kube.get("ConfigMap", world.environment, NAME)
    forged = world.article.clone("forged")
    (forged / world.environment / "authentication.deployment").write_text(NEW + "\n")
    git(forged, "commit", "-qam", "forged")
    objects = subprocess.run(
        ["git", "-C", forged, "pack-objects", "--stdout", "--revs", "-q"],
        input=b"HEAD\n^HEAD~1\n",
        capture_output=True,
        check=True,
    ).stdout
    world.kube.patch(
        "ConfigMap",
        world.environment,
        NAME,
        {"binaryData": {"tip.pack": base64.b64encode(objects).decode()}},
    )
    assert config["binaryData"]

    world.run().ok()

    assert world.images() == wanted
    mended = world.kube.get("ConfigMap", world.environment, NAME)
    assert mended["binaryData"] != {"tip.pack": base64.b64encode(objects).decode()}


def test_a_missing_image_keeps_the_old_pods_and_is_reported(world: World) -> None:
    kube, environment = world.kube, world.environment
    kube.wait_rolled_out("Deployment", environment, "authentication")
    [old] = kube.pods(environment, "authentication")
    world.article.push(environment, {"authentication": MISSING})
    world.run()
    eventually(lambda: len(kube.pods(environment, "authentication")) == 2)

    def told() -> bool:
        ran = world.run()
        return ran.code == 7

    eventually(told, timeout=60)

    status = world.status()
    assert status["result"] == "failed"
    assert "authentication" in status["error"]
    assert "ImagePullBackOff" in status["error"] or "ErrImagePull" in status["error"]
    assert old["metadata"]["uid"] in [
        pod["metadata"]["uid"] for pod in kube.pods(environment, "authentication")
    ]
    assert world.events().count("SyncFailed") == 1

    world.article.push(environment, {"authentication": NEW})
    world.run().ok()
    assert "error" not in world.status()


def test_a_rewritten_history_is_followed(world: World) -> None:
    first = git(world.article.remote, "rev-parse", "main").strip()
    before = world.images()
    world.article.push(world.environment, {"authentication": NEW})
    world.run().ok()

    git(world.article.remote, "update-ref", "refs/heads/main", first)
    world.run().ok()

    assert world.images() == before
    assert world.status()["commit"] == first


def test_an_unreachable_remote_changes_nothing_and_is_told(world: World) -> None:
    world.run().ok()
    good = world.status()
    moved = world.article.remote.with_name("moved.git")
    world.article.remote.rename(moved)

    ran = world.run()

    assert ran.code in (3, 4)
    status = world.status()
    assert status["result"] == "failed"
    assert "environments-state.git" in status["error"]
    assert status["commit"] == good["commit"]
    assert status["last-success"] == good["last-success"]

    moved.rename(world.article.remote)
    world.run().ok()
    assert "error" not in world.status()


def test_an_invalid_file_stops_the_environment_only(world: World) -> None:
    before = world.images()
    world.article.push(world.environment, {"authentication": NEW, "orders": "not a hash"})

    ran = world.run()

    assert ran.code == 2
    assert world.images() == before
    assert "orders.deployment:1" in world.status()["error"]


def test_an_environment_without_rights_is_refused(world: World) -> None:
    other = world.article.environment("production")
    world.kube.create_namespace(other)

    ran = world.run(env=other)

    assert ran.code == 4
    assert "not permitted" in ran.stdout


def test_two_agents_at_once_agree(world: World) -> None:
    commit = world.article.push(world.environment, {"authentication": NEW, "orders": NEW})
    arguments = ["--repo", str(world.article.remote), "--env", world.environment]
    arguments += ["--kubeconfig", str(world.kubeconfig)]
    both = [world.gitops.start("agent", "run", *arguments) for _ in range(2)]
    for one in both:
        one.communicate(timeout=60)

    assert world.images() == world.article.images(world.environment)
    assert world.status()["commit"] == commit
    for name in ("authentication", "orders"):
        made = world.kube.get("Deployment", world.environment, name)
        assert made["metadata"]["generation"] <= 3


@pytest.mark.parametrize(
    "fault",
    [Answer(500), Answer(503), Cut(forward=False), Cut(forward=True)],
    ids=["500", "503", "cut before", "cut after it was done"],
)
def test_an_api_server_that_fails_at_the_patch_is_told_and_made_up_for(
    world: World, api_proxy: ApiProxy, fault: Fault
) -> None:
    world.article.push(world.environment, {"authentication": NEW})
    api_proxy.on(fault, "PATCH", times=1000)
    token = world.kube.token(world.environment, NAME)
    ill = replace(world, kubeconfig=api_proxy.write_kubeconfig("ill.kubeconfig", token))

    ran = ill.run()

    assert ran.code == 5
    assert "could not be written" in ran.stdout
    world.run().ok()
    assert world.images()["authentication"].endswith(NEW)
    assert "error" not in world.status()


# --- ended in the middle


@contextmanager
def held(proxy: ApiProxy, target: str, *, skip: int = 0) -> Iterator[Callable[[], None]]:
    """Keep PATCHes of `target`, after `skip` of them, from the API server until the end, or until
    what is returned is called.
    """
    gate = threading.Event()
    proxy.on(Meanwhile(lambda: gate.wait(60)), "PATCH", target, skip=skip, times=1000)
    try:
        yield gate.set
    finally:
        gate.set()


def started(world: World, proxy: ApiProxy) -> Started:
    """Start a run whose requests go through the proxy."""
    token = world.kube.token(world.environment, NAME)
    kubeconfig = proxy.write_kubeconfig("proxied", token)
    arguments = ["--repo", str(world.article.remote), "--env", world.environment]
    return world.gitops.start("agent", "run", *arguments, "--kubeconfig", kubeconfig)


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
        _, said = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert world.images() == world.article.images(world.environment)
    assert world.status()["commit"] == commit
    assert world.status()["result"] == "changed"


@pytest.fixture
def many(kube: Kube, article: Article) -> list[str]:
    """Return more environments than an agent visits at once, each with one service."""
    names = [f"{article.prefix}many{number}-development" for number in range(AT_ONCE + 2)]
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
        eventually(lambda: len(api_proxy.seen("PATCH", patches)) == AT_ONCE)
        waits = times_waited(process.pid)
        process.send_signal(signal.SIGTERM)
        # The main thread has nothing to do but to hear it; then it waits again.
        eventually(lambda: times_waited(process.pid) > waits)
        release()
        _, said = process.communicate(timeout=60)

    assert process.returncode == code, said
    begun = {name for name in many if api_proxy.seen("PATCH", f"/{name}/deployments/")}
    assert len(begun) == AT_ONCE
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


# --- a clock that is wrong


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
    kube.patch("Deployment", world.environment, "orders", {"spec": {"template": template}})
    world.article.push(world.environment, {"orders": NEW})

    run_at(world, skew)
    eventually(lambda: len(kube.pods(world.environment, "orders")) >= 2)
    visit = run_at(world, skew)

    assert visit.exit_code == 0
    assert world.status()["result"] == "waiting"
    kube.let_ready(world.environment, "orders")
    kube.wait_rolled_out("Deployment", world.environment, "orders")
    assert run_at(world, skew).exit_code == 0
    assert world.status()["result"] == "in-sync"


# --- the controller


@pytest.fixture
def controller(
    control_plane: ControlPlane, kube: Kube, article: Article, gitops: Gitops, tmp_path: Path
) -> tuple[list[str], Path]:
    """Return the environments of a controller and the kubeconfig of its account."""
    names = [article.environment("development"), article.environment("staging")]
    deploy(kube, article, environments=names)
    home = f"{article.prefix}agent"
    kube.create_namespace(home)
    spec = spec_of(*names, namespace=home, mode=AgentMode.CONTROLLER)
    apply(kube, manifests_yaml(manifests(spec)))
    kube.patch("Deployment", home, NAME, {"spec": {"replicas": 0}})
    kubeconfig = write_kubeconfig(
        tmp_path / "controller.kubeconfig",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.token(home, NAME),
    )
    return names, kubeconfig


def test_a_controller_follows_all_its_environments_until_told_to_stop(
    controller: tuple[list[str], Path],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    tmp_path: Path,
) -> None:
    names, kubeconfig = controller
    heartbeat = tmp_path / "heartbeat"
    arguments = ["--repo", str(article.remote), "--kubeconfig", str(kubeconfig)]
    arguments += [f"--env={name}" for name in names]
    process = gitops.start("agent", "run", *arguments, "--interval=1s", f"--heartbeat={heartbeat}")
    try:
        eventually(heartbeat.exists)
        for name in names:
            article.push(name, {"authentication": NEW})

        def followed() -> bool:
            return all(_image(kube, name).endswith(NEW) for name in names)

        eventually(followed, timeout=20)
        beat = heartbeat.stat().st_mtime
        eventually(lambda: heartbeat.stat().st_mtime > beat)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 0, said
    assert "nothing was left half done" in said
    for name in names:
        assert kube.get("ConfigMap", name, NAME)["data"]["interval"] == "1"
    # What did not change is said once, not each second.
    assert said.count(f"{names[0]}: in-sync") <= 2


def _image(kube: Kube, environment: str) -> str:
    made = kube.get("Deployment", environment, "authentication")
    image: str = made["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_one_environment_in_trouble_does_not_stop_the_others(
    controller: tuple[list[str], Path], kube: Kube, article: Article, gitops: Gitops
) -> None:
    names, kubeconfig = controller
    kube.delete("RoleBinding", names[0], NAME)
    article.push(names[1], {"authentication": NEW})
    arguments = ["--repo", str(article.remote), "--kubeconfig", str(kubeconfig)]

    ran = gitops("agent", "run", *arguments, *[f"--env={n}" for n in names])

    assert ran.code == 4
    assert _image(kube, names[1]).endswith(NEW)
