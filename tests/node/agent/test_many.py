"""Two hundred environments in one controller that runs in a pod."""

from __future__ import annotations

import logging
import time

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.node.agent.company import health, make_key, status
from tests.node.agent.site import FIRST, Site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import create_many
from tests.testbed.node import HOST
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]

COUNT = 200
REAL = 3  # of them have pods; a node is made for some hundred
HOME = "gitops-agent-many"
_LOG = logging.getLogger(__name__)


def test_one_controller_follows_two_hundred_environments(company: Site, gitops: Gitops) -> None:
    names = [f"many{index:03}-production" for index in range(COUNT)]
    create_many(company.kube, {name: [company.web(FIRST)] for name in names[:REAL]})
    idle = company.web(FIRST)
    idle["spec"]["replicas"] = 0
    create_many(company.kube, {name: [idle] for name in names[REAL:]})
    path = f"{HOST}:{company.port}/shop/\n"

    def commit(subject: str, version: str, *, but: str | None = None) -> str:
        files: dict[str, str | None] = {f"{name}/images_path": path for name in names}
        files |= {f"{name}/web.deployment": f"{version}\n" for name in names}
        if but is not None:
            files[f"{but}/web.deployment"] = "no hash at all\n"
        return company.commit(subject, files)

    commit("Begin many", FIRST)
    company.kube.create_namespace(HOME)
    controller = ["--mode=controller", "--agent-namespace", HOME]
    make_key(company, gitops, names[0], *controller)
    where = ["--agent-repo", company.url, "--image", company.images["baked"], "--interval=3s"]
    where += ["--no-verify-image", "--yes"]
    gitops("agent", "install", *names, *controller, *where, timeout=300).ok()

    def followers(tip: str) -> list[str]:
        return [name for name in names if status(company, name).get("commit") == tip]

    version, broken = "e" * 40, names[7]
    company.build_service(version)
    begin = time.monotonic()
    tip = commit("Promote many", version, but=broken)
    others = [name for name in names if name != broken]
    eventually(lambda: set(followers(tip)) == set(others), timeout=180)
    _LOG.info("%s environments followed within %.1f s", COUNT, time.monotonic() - begin)

    assert "web.deployment:1" in status(company, broken)["error"]
    found = health(gitops, *names)
    assert {name for name, word in found.items() if word != "ok"} == {broken}
    assert found[broken] == "failing"
    images = _images(company, names)
    assert images.pop(broken).endswith(FIRST)
    assert {image[-40:] for image in images.values()} == {version}
    for name in names[:REAL]:
        eventually(lambda name=name: {i[-40:] for i in company.running(name)} == {version})

    key = f"{NAME}@{HOME}"
    before = len(company.sshd.reads(key))
    tip = commit("Mend it", version)
    eventually(lambda: set(followers(tip)) == set(names), timeout=180)
    assert set(health(gitops, *names).values()) == {"ok"}
    # One question per round, and one fetch for the news, however many environments.
    mine = company.sshd.reads(key)[before:]
    assert sum(read.total > 1000 for read in mine) <= 1, mine
    assert len(mine) < COUNT

    gitops("agent", "uninstall", *names, "--yes", timeout=300).ok()
    assert not company.kube.exists("Deployment", HOME, NAME)
    assert git(company.remote, "rev-parse", "main") == tip


def _images(site: Site, names: list[str]) -> dict[str, str]:
    wanted = set(names)
    return {
        item["metadata"]["namespace"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in site.kube.find("Deployment", labels="app=web")
        if item["metadata"]["namespace"] in wanted
    }
