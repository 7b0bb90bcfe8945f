"""Agents in real pods that do more than images: whole objects, and steps of infrastructure."""

from __future__ import annotations

import base64

import pytest
import yaml

from gitops_cli.agent.model.spec import BAKED_UID, NAME, STEPS_SECRET
from tests.cli.manifested import config_map
from tests.cli.stepped import trust
from tests.node.agent.company import ByHand, kubectl, make_key, status, suspended
from tests.node.agent.site import FIRST, HOST, Site
from tests.testbed.gitops import Gitops
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]

OBJECTS, STEPS = "goods-kept", "goods-works"
STAGES = 'stages = ["kept", "works", "development", "staging", "production"]\n'
SCRIPT = 'case $1 in plan) exit 2;; apply) echo "run by $(id -u), told ${WORD:-nothing}";; esac\n'
STEP = """[stage.works.step.hello]
plan = ["sh", "hello.sh", "plan"]
apply = ["sh", "hello.sh", "apply"]
directory = "infra"
env = ["WORD"]
"""


def install(site: Site, gitops: Gitops, environment: str, *options: str) -> None:
    make_key(site, gitops, environment)
    where = ["--agent-repo", site.url, "--image", site.images["baked"], "--no-verify-image"]
    gitops("agent", "install", environment, *where, *options, "--yes").ok()


def log_of_agent(site: Site, environment: str) -> str:
    """Return what its newest pod has logged."""
    pods = site.kube.find("Pod", environment, labels=f"app.kubernetes.io/name={NAME}")
    newest = max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])
    path = f"/api/v1/namespaces/{environment}/pods/{newest['metadata']['name']}/log"
    text: str = site.kube.request("GET", path)
    return text


def test_an_agents_pod_brings_objects_removes_them_and_tells_of_drift(
    site: Site, gitops: Gitops
) -> None:
    site.kube.create_namespace(OBJECTS)
    ours = f"{OBJECTS}/manifests"
    files: dict[str, str | None] = {
        "gitops.toml": f"{STAGES}[stage.kept]\nprune = true\n",
        f"{OBJECTS}/images_path": f"{HOST}:{site.port}/shop/\n",
        f"{OBJECTS}/web.deployment": f"{FIRST}\n",
        f"{ours}/web.yaml": yaml.safe_dump(site.web("0" * 40)),
        f"{ours}/settings.yaml": yaml.safe_dump(config_map("settings", level="info")),
        f"{ours}/more.yaml": yaml.safe_dump(config_map("more", a="b")),
    }
    tip = site.commit("Begin with objects", files)
    install(site, gitops, OBJECTS)
    with suspended(site, OBJECTS):
        run = ByHand(site, OBJECTS)

        def data(name: str) -> object:
            return site.kube.get("ConfigMap", OBJECTS, name)["data"]

        assert run() == 0
        assert status(site, OBJECTS)["commit"] == tip
        eventually(lambda: {i[-40:] for i in site.running(OBJECTS)} == {FIRST})
        assert data("more") == {"a": "b"}

        site.commit("Leave one out", {f"{ours}/more.yaml": None})
        assert run() == 0
        assert not site.kube.exists("ConfigMap", OBJECTS, "more")

        by_hand = ["patch", "configmap", "settings", "-p", '{"data":{"level":"debug"}}']
        kubectl(site, "-n", OBJECTS, *by_hand)
        assert run() == 0
        assert data("settings") == {"level": "info"}, "drift is put back"

        report = f'{STAGES}[stage.kept]\nprune = true\ndrift = "report"\n'
        site.commit("Report drift", {"gitops.toml": report})
        assert run() == 0
        kubectl(site, "-n", OBJECTS, *by_hand)
        assert run() == 1
        assert data("settings") == {"level": "debug"}, "drift is told, and left"
        assert "settings" in status(site, OBJECTS)["error"]


def test_an_agents_pod_runs_the_step_that_was_trusted_and_refuses_another(
    site: Site, gitops: Gitops
) -> None:
    site.environment(STEPS)
    site.commit("Declare a step", {"gitops.toml": f"{STAGES}{STEP}", "infra/hello.sh": SCRIPT})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": STEPS_SECRET},
        "data": {"WORD": base64.b64encode(b"a secret word").decode()},
    }
    site.kube.create(secret, STEPS)
    trust(gitops)
    install(site, gitops, STEPS, "--steps")
    with suspended(site, STEPS):
        run = ByHand(site, STEPS)
        assert run() == 0
        said = status(site, STEPS)
        assert said["steps"] == "hello applied"
        assert f"step hello: run by {BAKED_UID}, told ***" in log_of_agent(site, STEPS)

        version = "9" * 40
        changed = {"infra/hello.sh": f"{SCRIPT}# nobody looked\n"}
        site.commit("Change it", {**changed, f"{STEPS}/web.deployment": f"{version}\n"})
        assert run() == 6
        error = status(site, STEPS)["error"]
        assert "changed since its agent was installed to run them" in error
        [image] = [i[-40:] for i in site.running(STEPS)]
        assert image == FIRST, "what comes after a step waits for it"
        assert status(site, STEPS)["steps-digest"] == said["steps-digest"]
