"""One agent for several environments, until it is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gitops_cli.domain.agent.manifests import manifests
from gitops_cli.domain.agent.spec import NAME, AgentMode
from gitops_cli.render.agent import manifests_yaml
from tests.agent.world import apply, spec_of
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube, eventually, write_kubeconfig

NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"


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


def test_a_bug_in_one_environment_is_told_there_and_does_not_stop_the_others(
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

    assert ran.code == 70
    assert "Traceback" in ran.stderr, "what happened can be found in the pod's log"
    assert "this is a bug" in kube.get("ConfigMap", names[0], NAME)["data"]["error"]
    assert not _image(kube, names[0]).endswith(NEW)
    assert _image(kube, names[1]).endswith(NEW)
    assert kube.get("ConfigMap", names[1], NAME)["data"]["result"] == "changed"
