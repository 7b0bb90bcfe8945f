"""Everything is lost and comes back from the repository alone: namespaces, objects, agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import installed_objects
from tests.registry.scripted import Scripted
from tests.testbed.article import Article, deploy
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.patience import eventually
from tests.testbed.sshd import Sshd

pytestmark = pytest.mark.node


def captured(cli: Gitops, names: list[str]) -> dict[str, Any]:
    """Capture all environments, and return which of them that changed."""
    return {
        name: cli("capture", name, "--manifests", "--yes", "-o", "json").ok().json()["changed"]
        for name in names
    }


def running(kube: Kube, names: list[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Return what runs: workloads, their images, and how many of them are available."""
    return {
        name: sorted(
            (
                one["metadata"]["name"],
                one["spec"]["template"]["spec"]["containers"][0]["image"],
                one["status"].get("availableReplicas", 0),
            )
            for one in kube.find("Deployment", name)
        )
        for name in names
    }


def test_every_namespace_of_the_article_is_lost_and_comes_back_with_its_agents(
    cli: Gitops,
    kube: Kube,
    article: Article,
    reader: list[str],
    registry: Scripted,
    sshd: Sshd,
    tmp_path: Path,
) -> None:
    names = list(article.environments)
    deploy(kube, article)
    image = f"{registry.address}/tools/gitops-cli:1"
    cli("agent", "install", *names, *reader, "--image", image, "--yes").ok()
    for name in names:
        kube.wait_all_rolled_out("Deployment", name)
    captured(cli, names)
    before, agents = running(kube, names), {n: installed_objects(kube, n) for n in names}
    assert all("CronJob gitops-agent" in agents[name] for name in names)

    for name in names:
        kube.delete_namespace(name)
    eventually(lambda: not any(kube.exists("Namespace", None, name) for name in names))
    repository, key, hosts = reader[1], reader[3], reader[5]
    how = ["--agent-repo", repository, "--agent-key", key, "--known-hosts", hosts]
    done = cli("restore", *names, "--agent", *how, "--agent-image", image, "--timeout", "120s")

    done.ok()
    assert running(kube, names) == before
    assert {name: installed_objects(kube, name) for name in names} == agents
    cronjob = kube.get("CronJob", names[0], NAME)["spec"]["jobTemplate"]["spec"]["template"]
    assert cronjob["spec"]["containers"][0]["image"] == image
    tip = git(article.remote, "rev-parse", "main")
    assert captured(cli, names) == dict.fromkeys(names, False), "they are the same objects"
    assert git(article.remote, "rev-parse", "main") == tip
    again = cli("restore", *names, "--agent", *how, "--agent-image", image).ok()
    assert "nothing to do" in again.stdout + again.stderr
