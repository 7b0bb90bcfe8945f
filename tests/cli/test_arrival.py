"""`--wait` of the writers: an agent, or somebody's sync, brings it to the cluster."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cli.live import ABSENT, NEW, OLD, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.manifests import workload
from tests.testbed.patience import PATIENCE, eventually
from tests.testbed.ports import free_port

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
        out, err = promoting.communicate(timeout=PATIENCE)
    assert promoting.returncode == 0, err
    assert '"kind": "promotion"' in out
    assert waiting.image_of("web") == image("web", NEW)


def belongs_to(cluster: str, live: Live) -> str:
    """Return a gitops.toml that says so of the stage of the environment."""
    stage = live.namespace.partition("-")[2]
    stages = f'stages = ["development", "{stage}"]'
    return f'{stages}\n[stage.{stage}]\ncluster = "{cluster}"'


@pytest.fixture
def two_clusters(waiting: Live, tmp_path: Path) -> Path:
    """Return a kubeconfig whose current context leads nowhere; `two` is the real API server."""
    config = yaml.safe_load(Path(waiting.gitops.environment["KUBECONFIG"]).read_text())
    [real] = config["contexts"]
    config["contexts"] = [
        {"name": "one", "context": {**real["context"], "cluster": "nowhere"}},
        {"name": "two", "context": real["context"]},
    ]
    nowhere = {"server": f"https://127.0.0.1:{free_port()}"}
    config["clusters"].append({"name": "nowhere", "cluster": nowhere})
    config["current-context"] = "one"
    file = tmp_path / "two-clusters"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("how", ["variable", "option", "file", "user", "stage"])
def test_it_waits_where_diff_looks(waiting: Live, two_clusters: Path, how: str) -> None:
    options: list[str] = []
    live = waiting.gitops.using(KUBECONFIG=two_clusters)
    match how:
        case "variable":
            live = live.using(GITOPS_CONTEXT="two")
        case "option":
            options = ["--context", "two"]
        case "file":
            live = live.using(KUBECONFIG="/nowhere", GITOPS_CONTEXT="two")
            options = ["--kubeconfig", str(two_clusters)]
        case "user":
            config = live.home / "config/gitops/config.toml"
            config.parent.mkdir(parents=True)
            config.write_text('context = "two"\n')
        case "stage":
            waiting.record({"/gitops.toml": belongs_to("two", waiting)})
    live("diff", waiting.namespace, *options).ok()
    waiting.record({"web.deployment": OLD}, environment=SOURCE)

    live(*promotion(waiting, *options, "--timeout", "2m")).ok()
    rollback = ["rollback", "web", "-e", waiting.namespace, "--to", OLD, "--yes", "--wait"]
    live(*rollback, *options, "--timeout", "2m").ok()


def test_a_wrong_cluster_is_refused_before_anything_is_recorded(
    waiting: Live, two_clusters: Path
) -> None:
    waiting.record({"/gitops.toml": belongs_to("two", waiting)})
    live = waiting.gitops.using(KUBECONFIG=two_clusters)

    done = live(*promotion(waiting, "--context", "one", "--timeout", "2m"))

    assert done.code == 6
    assert "gitops.toml:3" in done.stderr
    assert recorded(waiting) == OLD


def test_who_waits_logs_in_once(waiting: Live, tmp_path: Path) -> None:
    config = yaml.safe_load(Path(waiting.gitops.environment["KUBECONFIG"]).read_text())
    user, runs = config["users"][0]["user"], tmp_path / "runs"
    status = {
        "clientCertificateData": b64decode(user["client-certificate-data"]).decode(),
        "clientKeyData": b64decode(user["client-key-data"]).decode(),
    }
    version = "client.authentication.k8s.io/v1"
    printed = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    (tmp_path / "credential").write_text(json.dumps(printed))
    login = f"echo run >>{runs}; cat {tmp_path}/credential"
    executed = {"command": "sh", "args": ["-c", login], "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": {"apiVersion": version, **executed}}
    file = tmp_path / "with-plugin"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)

    there = ("-e", waiting.namespace, "--wait", "--kubeconfig", file)
    waiting.gitops("set", f"web={OLD}", *there).ok()

    assert runs.read_text() == "run\n"


def test_nobody_brings_it(waiting: Live) -> None:
    done = waiting.gitops(*promotion(waiting, "--timeout", "3s"))
    assert done.code == 8
    assert recorded(waiting) == NEW
    assert f"recorded, but {waiting.namespace} does not have it yet" in done.stderr
    assert f"gitops sync {waiting.namespace}" in done.stderr
    waiting.sync("--wait").ok()
    again = waiting.gitops(*promotion(waiting, "--timeout", "2m")).ok()
    assert "in sync" in again.stderr


def test_a_rollout_that_fails_says_how_to_go_back(waiting: Live) -> None:
    waiting.record({"web.deployment": ABSENT}, environment=SOURCE)
    with waiting.gitops.start(*promotion(waiting)) as promoting:
        eventually(lambda: recorded(waiting) == ABSENT)
        waiting.sync().ok()
        _, err = promoting.communicate(timeout=PATIENCE)
    assert promoting.returncode == 7
    assert "not found" in err
    assert f"gitops rollback web -e {waiting.namespace}" in err


def test_rollback_waits_too(waiting: Live) -> None:
    waiting.record({"web.deployment": NEW})
    waiting.sync("--wait").ok()
    rollback = ["rollback", "web", "-e", waiting.namespace, "--yes", "--wait", "--timeout", "2m"]
    with waiting.gitops.start(*rollback) as going_back:
        eventually(lambda: recorded(waiting) == OLD)
        waiting.sync().ok()
        _, err = going_back.communicate(timeout=PATIENCE)
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
    waiting.gitops(*rollback, "--timeout", "2m").ok()


def test_what_cannot_arrive_ends_as_wait_does(waiting: Live) -> None:
    waiting.kube.delete("Deployment", waiting.namespace, "web")
    done = waiting.gitops(*promotion(waiting, "--timeout", "2m"))
    assert done.code == 1
    assert f"recorded, but not in {waiting.namespace}: web" in done.stderr
    assert waiting.gitops("wait", waiting.namespace, "--timeout", "2m").code == 1


def test_nobody_who_follows_is_told_at_once(waiting: Live) -> None:
    done = waiting.gitops(*promotion(waiting, "--timeout", "2s"))

    assert done.code == 8
    assert f"no agent follows {waiting.namespace}" in done.stderr
    assert f"gitops sync {waiting.namespace}" in done.stderr


def test_sync_makes_the_cluster_follow_at_once(waiting: Live) -> None:
    done = waiting.gitops(*promotion(waiting, "--sync", "-o", "json")).ok()

    assert done.json()["kind"] == "promotion"
    assert waiting.image_of("web") == image("web", NEW)
    assert "no agent" not in done.stderr


def test_set_and_rollback_sync_too(waiting: Live) -> None:
    there = ("-e", waiting.namespace, "--sync", "--wait")

    waiting.gitops("set", f"web={NEW}", *there).ok()
    assert waiting.image_of("web") == image("web", NEW)
    waiting.gitops("rollback", "web", "--yes", *there).ok()
    assert waiting.image_of("web") == image("web", OLD)


def test_sync_of_several_projects_brings_each_to_its_cluster(waiting: Live, kube: Kube) -> None:
    stage = waiting.namespace.partition("-")[2]
    second = f"second-{stage}"
    images = {"images_path": "registry.example.com/shop/"}
    waiting.record({"/gitops.toml": f'stages = ["staging", "{stage}"]'})
    waiting.record({**images, "web.deployment": NEW}, environment="test-staging")
    waiting.record({**images, "api.deployment": NEW}, environment="second-staging")
    waiting.record({**images, "api.deployment": OLD}, environment=second)
    kube.create_namespace(second)
    try:
        kube.create(workload("Deployment", "api", {"api": image("api", OLD)}), second)
        promote = ("promote", "--all", "--from", "staging", "--to", stage, "--yes")

        waiting.gitops(*promote, "--sync", "--wait").ok()

        assert waiting.image_of("web") == image("web", NEW)
        assert replace(waiting, namespace=second).image_of("api") == image("api", NEW)
        waiting.gitops(*promote, "--wait", "--timeout", "2m").ok()
    finally:
        kube.delete_namespace(second)


def test_a_rollout_that_fails_is_the_writers_failure(waiting: Live) -> None:
    waiting.record({"web.deployment": ABSENT}, environment=SOURCE)

    done = waiting.gitops(*promotion(waiting, "--sync", "--timeout", "2m"))

    assert done.code == 7
    assert "recorded, but the rollout" in done.stderr
    assert f"`gitops rollback web -e {waiting.namespace}` goes back" in done.stderr
    reason = done.stderr.partition("failed: web: ")[2].partition("\n")[0]
    assert reason
    assert done.stderr.count(reason) == 1, "it is told once"
    assert "patched, rollout failed\n" in done.stderr


@pytest.mark.parametrize("how", ["--sync", "--wait"])
def test_what_no_cluster_could_get_is_not_recorded(waiting: Live, how: str) -> None:
    nowhere = waiting.gitops.using(KUBECONFIG="/nowhere")
    set_, promote = ["set", f"web={NEW}", "-e", waiting.namespace], promotion(waiting)[:-1]

    for words in (set_, promote):
        done = nowhere(*words, how)
        assert done.code == 2
        assert "error: no kubeconfig" in done.stderr
    waiting.record({"/gitops.toml": belongs_to("another", waiting)})
    assert waiting.gitops(*set_, how, "--context", "test").code == 6
    assert recorded(waiting) == OLD


def test_what_the_cluster_refuses_afterwards_is_recorded_and_says_so(
    waiting: Live, two_clusters: Path
) -> None:
    away = waiting.gitops.using(KUBECONFIG=two_clusters)

    done = away("set", f"web={NEW}", "-e", waiting.namespace, "--sync")

    assert done.code == 5
    assert "error: recorded, but not known to be in the cluster: cannot list" in done.stderr
    assert recorded(waiting) == NEW


def test_a_terminal_is_told_how_the_rollout_ended(waiting: Live) -> None:
    command = ("set", f"web={NEW}", "-e", waiting.namespace, "--sync", "--wait")
    with waiting.gitops.terminal(*command) as terminal:
        assert terminal.finish() == 0
        assert "patched, rollout ready\n" in terminal.text


def test_who_breaks_off_the_wait_is_told_that_it_is_recorded(waiting: Live) -> None:
    with waiting.gitops.terminal(*promotion(waiting)) as terminal:
        terminal.wait_for("waiting until")
        terminal.press("ctrl-c")
        assert terminal.finish() == 130
        assert "interrupted; what is recorded stays" in terminal.text
        assert f"`gitops wait {waiting.namespace}` goes on" in terminal.text
    assert recorded(waiting) == NEW


def test_a_terminal_is_told_that_the_cluster_is_as_it_was(waiting: Live) -> None:
    with waiting.gitops.terminal("set", f"web={NEW}", "-e", waiting.namespace) as terminal:
        assert terminal.finish() == 0
        assert f"gitops sync {waiting.namespace} --wait" in terminal.text.replace("\n", " ")
