"""One agent for several environments, until it is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import NAME, AgentMode
from gitops_cli.agent.view import manifests_yaml
from tests.agent.world import UNSEEN, apply, spec_of
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, path
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import PATIENCE, eventually

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"


@pytest.fixture
def controller(
    control_plane: ControlPlane, kube: Kube, article: Article, gitops: Gitops, tmp_path: Path
) -> tuple[list[str], Path]:
    """Return the environments of a controller and the kubeconfig of its account."""
    names = [article.environment("development"), article.environment("staging")]
    deploy(kube, article, environments=names, without_pods=UNSEEN)
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

        eventually(followed)
        beat = heartbeat.stat().st_mtime
        eventually(lambda: heartbeat.stat().st_mtime > beat)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0, said
    assert "nothing was left half done" in said
    for name in names:
        assert kube.get("ConfigMap", name, NAME)["data"]["interval"] == "1"
    # What did not change is said once, not each second.
    assert said.count(f"{names[0]}: in sync") <= 2


def _image(kube: Kube, environment: str) -> str:
    made = kube.get("Deployment", environment, "authentication")
    image: str = made["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_one_environment_in_trouble_does_not_stop_the_others(
    controller: tuple[list[str], Path], kube: Kube, article: Article, gitops: Gitops
) -> None:
    names, kubeconfig = controller
    kube.delete("RoleBinding", names[0], NAME)
    listing = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    eventually(lambda: not kube.may(f"{article.prefix}agent:{NAME}", names[0], listing))
    article.push(names[1], {"authentication": NEW})
    arguments = ["--repo", str(article.remote), "--kubeconfig", str(kubeconfig)]

    ran = gitops("agent", "run", *arguments, *[f"--env={n}" for n in names])

    assert ran.code == 4
    assert _image(kube, names[1]).endswith(NEW)


HOSTILE = [
    {"interval": "9" * 5000},
    {"interval": "9" * 18},
    {"interval": "\u0663", "last-success": "9999-12-31T23:59:59-12:00"},
    {"last-attempt": "0001-01-01T00:00:00+14:00", "last-success": "0001-01-01T00:00:00+14:00"},
    {"commit": "\x1b[31m" * 9000, "tip": "-", "error": "x" * 90_000, "version": "\n" * 900},
]


@pytest.mark.parametrize("data", HOSTILE)
def test_nothing_that_one_status_holds_ends_the_round_of_the_others(
    controller: tuple[list[str], Path],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    control_plane: ControlPlane,
    data: dict[str, str],
) -> None:
    names, kubeconfig = controller
    kube.patch("ConfigMap", names[0], NAME, {"data": data})
    article.push(names[1], {"authentication": NEW})
    run = ["agent", "run", "--kubeconfig", str(kubeconfig), *[f"--env={n}" for n in names]]
    looking = gitops.using(GITOPS_REPO=article.remote, KUBECONFIG=control_plane.kubeconfig)

    unreachable = gitops(*run, "--repo", "ssh://git@127.0.0.1:1/state.git")
    shown = looking("agent", "status", *names, "-o", "json")
    kube.patch("ConfigMap", names[0], NAME, {"data": data})
    well = gitops(*run, "--repo", str(article.remote)).ok()
    told = kube.get("ConfigMap", names[0], NAME)["data"]
    last = looking("agent", "status", *names, "-o", "json")

    assert unreachable.code == 3, str(unreachable)
    assert _image(kube, names[1]).endswith(NEW)
    assert told["result"] in ("in-sync", "changed", "waiting")
    assert "Traceback" not in well.stderr
    for ran in (shown, last):
        assert ran.code == 1, str(ran)  # as their process is asleep
        assert [a["environment"] for a in ran.json()["agents"]] == names


def test_a_time_of_writing_beyond_the_calendar_ends_no_round_and_no_question(
    controller: tuple[list[str], Path],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    control_plane: ControlPlane,
) -> None:
    """The API server takes such a time, and can patch that object no more: its owner's trouble."""
    names, kubeconfig = controller
    config = kube.get("ConfigMap", names[0], NAME)
    field = {"manager": NAME, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    told = {**field, "time": "9999-12-31T23:59:59-12:00", "fieldsV1": {"f:data": {}}}
    config["metadata"]["managedFields"] = [told]
    kube.request("PUT", path("ConfigMap", names[0], NAME), config)
    article.push(names[1], {"authentication": NEW})
    run = ["agent", "run", "--kubeconfig", str(kubeconfig), *[f"--env={n}" for n in names]]
    looking = gitops.using(GITOPS_REPO=article.remote, KUBECONFIG=control_plane.kubeconfig)

    ran = gitops(*run, "--repo", str(article.remote))
    shown = looking("agent", "status", *names)

    written = kube.get("ConfigMap", names[0], NAME)["metadata"]["managedFields"][0]["time"]
    assert written.startswith("10000-")
    assert ran.code == 5, str(ran)
    assert "the status could not be written" in ran.stdout
    assert _image(kube, names[1]).endswith(NEW)
    assert (shown.code, shown.stdout.count("never")) == (1, 2), str(shown)


def test_a_status_that_nobody_can_read_counts_as_none_and_the_round_goes_on(
    controller: tuple[list[str], Path],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    api_proxy: ApiProxy,
) -> None:
    names, _ = controller
    kubeconfig = api_proxy.write_kubeconfig("proxied", kube.token(f"{article.prefix}agent", NAME))
    api_proxy.on(Answer(200, body={"data": 5}), "GET", f"/{names[0]}/configmaps/{NAME}", times=1000)
    for name in names:
        article.push(name, {"authentication": NEW})
    arguments = ["--repo", str(article.remote), "--kubeconfig", str(kubeconfig)]

    ran = gitops("agent", "run", *arguments, *[f"--env={n}" for n in names]).ok()

    assert "Traceback" not in ran.stderr
    for name in names:
        assert _image(kube, name).endswith(NEW)
        assert kube.get("ConfigMap", name, NAME)["data"]["result"] == "changed"


def test_an_answer_that_cannot_be_read_is_told_there_and_does_not_stop_the_others(
    controller: tuple[list[str], Path],
    kube: Kube,
    article: Article,
    gitops: Gitops,
    api_proxy: ApiProxy,
) -> None:
    names, _ = controller
    token = kube.token(f"{article.prefix}agent", NAME)
    kubeconfig = api_proxy.write_kubeconfig("proxied", token)
    nonsense = Answer(200, body={"items": 5})
    api_proxy.on(nonsense, "GET", f"/{names[0]}/deployments", times=1000)
    for name in names:
        article.push(name, {"authentication": NEW})
    arguments = ["--repo", str(article.remote), "--kubeconfig", str(kubeconfig)]

    ran = gitops("agent", "run", *arguments, *[f"--env={n}" for n in names])

    assert ran.code == 5
    assert "Traceback" not in ran.stderr
    assert "items" in kube.get("ConfigMap", names[0], NAME)["data"]["error"]
    assert not _image(kube, names[0]).endswith(NEW)
    assert _image(kube, names[1]).endswith(NEW)
    assert kube.get("ConfigMap", names[1], NAME)["data"]["result"] == "changed"
