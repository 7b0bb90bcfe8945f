"""`gitops agent run` on the real API server with the agent's own token, and a real remote."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_cli.domain.agent.manifests import manifests
from gitops_cli.domain.agent.spec import NAME, AgentMode
from gitops_cli.render.agent import manifests_yaml
from tests.agent.world import World, apply, build_world, spec_of
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Fault
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, eventually, write_kubeconfig

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
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


def test_killed_in_the_middle_the_next_run_finishes(world: World) -> None:
    world.article.push(world.environment, dict.fromkeys(world.images(), NEW))
    arguments = ["--repo", str(world.article.remote), "--env", world.environment]
    for wait in (0.15, 0.3, 0.45, 0.6):
        process = world.gitops.start(
            "agent", "run", *arguments, "--kubeconfig", str(world.kubeconfig)
        )
        time.sleep(wait)
        process.kill()
        process.communicate()

    world.run().ok()

    assert world.images() == world.article.images(world.environment)
    assert world.status()["result"] in ("in-sync", "changed", "waiting")


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
