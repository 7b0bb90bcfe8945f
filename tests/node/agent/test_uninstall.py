"""Agents come, change their mode and go; what they deployed goes on running."""

from __future__ import annotations

import pytest

from gitops_cli.agent.model.spec import KEY_SECRET, NAME
from tests.agent.world import installed_objects
from tests.node.agent.company import ByHand, await_health, make_key, status
from tests.node.agent.site import FIRST, Site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]

NAMES = ["books-development", "books-staging"]
HOME = "gitops-agent-books"


def test_an_agent_changes_its_mode_and_goes(company: Site, gitops: Gitops) -> None:
    kube = company.kube
    for name in NAMES:
        company.environment(name)
        make_key(company, gitops, name)
    tip = git(company.remote, "rev-parse", "main")
    where = ["--agent-repo", company.url, "--image", company.images["baked"], "--yes"]
    where.append("--no-verify-image")
    gitops("agent", "install", *NAMES, *where).ok()
    for name in NAMES:
        assert ByHand(company, name)() == 0  # its schedule is test_following's
        assert status(company, name)["commit"] == tip

    kube.create_namespace(HOME)
    controller = ["--mode=controller", "--agent-namespace", HOME]
    make_key(company, gitops, NAMES[0], *controller)
    gitops("agent", "install", *NAMES, *where, *controller, "--interval=3s").ok()
    for name in NAMES:
        assert not kube.exists("CronJob", name, NAME)
        assert not kube.exists("Secret", name, KEY_SECRET)
        eventually(lambda name=name: status(company, name).get("interval") == "3")
    await_health(gitops, "ok", *NAMES)

    gitops("agent", "uninstall", NAMES[0], "--yes").ok()
    assert installed_objects(kube, NAMES[0]) == []
    [container] = kube.get("Deployment", HOME, NAME)["spec"]["template"]["spec"]["containers"]
    served = [word for word in container["command"] if word.startswith("--env=")]
    assert served == [f"--env={NAMES[1]}"]
    gitops("agent", "uninstall", NAMES[1], "--yes").ok()
    assert installed_objects(kube, HOME) == []
    await_health(gitops, "missing", *NAMES)
    for name in NAMES:
        eventually(lambda name=name: {i[-40:] for i in company.running(name)} == {FIRST})
