"""`gitops agent run` on the real API server with the agent's own token, and a real remote."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import World
from tests.state.http_remote import HttpRemote
from tests.testbed.faults import Answer, ApiProxy, Cut, Fault
from tests.testbed.git import git
from tests.testbed.patience import PATIENCE, eventually

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
MISSING = "dead0a5fceea167a5a36dedd4bea2543f8e1a4b2"


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
    world.kube.wait_all_rolled_out("Deployment", world.environment)
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


def test_a_pack_that_lacks_the_files_costs_a_fetch_and_no_more(world: World) -> None:
    world.run().ok()
    config = world.kube.get("ConfigMap", world.environment, NAME)
    commit = git(world.article.remote, "rev-parse", "main")
    bare = subprocess.run(
        ["git", "-C", world.article.remote, "pack-objects", "--stdout", "-q"],
        input=f"{commit}\n".encode(),
        capture_output=True,
        check=True,
    ).stdout
    forged = {"binaryData": {"tip.pack": base64.b64encode(bare).decode()}}
    world.kube.patch("ConfigMap", world.environment, NAME, forged)

    world.run().ok()

    mended = world.kube.get("ConfigMap", world.environment, NAME)
    assert mended["binaryData"] == config["binaryData"]


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

    eventually(told)

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
    assert world.run().code == ran.code
    assert world.events().count("SyncFailed") == 1, "it is news once, not each minute"

    moved.rename(world.article.remote)
    world.run().ok()
    assert "error" not in world.status()
    assert world.events()[-1] == "Synced"


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
        one.communicate(timeout=PATIENCE)

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
