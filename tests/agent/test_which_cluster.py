"""The agent commands go to the environment's own cluster, as `diff` and `sync` do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gitops_cli.agent.model.spec import KEY_SECRET, NAME
from tests.agent.world import UNSEEN, apply, installed_objects
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import ApiProxy
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

URL = "ssh://git@git.example.com/acme/environments-state.git"
IMAGE = "registry.example.com/tools/gitops-cli:1"
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def settings(article: Article, **clusters: str) -> None:
    """Say in gitops.toml to which cluster the stages belong: `development='cluster = "x"'`."""
    text = "".join(f"[stage.{stage}]\n{line}\n" for stage, line in clusters.items())
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
    add_commits(article.remote, [Commit("Say which cluster", {"gitops.toml": text}, now)])


@pytest.fixture
def two(
    gitops: Gitops,
    article: Article,
    control_plane: ControlPlane,
    api_proxy: ApiProxy,
    tmp_path: Path,
) -> Gitops:
    """Return the command with two contexts: `dev`, the current one, and `prod-eu`.

    `dev` is the API server behind a proxy, which counts what is asked of it.
    """
    configs = {"dev": api_proxy.kubeconfig, "prod-eu": control_plane.kubeconfig}
    merged = {"apiVersion": "v1", "kind": "Config", "current-context": "dev"}
    lists: dict[str, list[object]] = {"clusters": [], "users": [], "contexts": []}
    for name, file in configs.items():
        config = yaml.safe_load(file.read_text())
        lists["clusters"].append({"name": name, "cluster": config["clusters"][0]["cluster"]})
        lists["users"].append({"name": name, "user": config["users"][0]["user"]})
        lists["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    file = tmp_path / "two"
    file.write_text(yaml.safe_dump(merged | lists))
    file.chmod(0o600)
    return gitops.using(GITOPS_REPO=article.remote, KUBECONFIG=file)


@pytest.fixture
def agent(two: Gitops, kube: Kube, article: Article, environment: str) -> list[str]:
    """Install an agent, and say that its environment belongs to `prod-eu`; return its name."""
    options = ["--agent-repo", URL, "--image", IMAGE]
    apply(kube, two("agent", "manifests", environment, *options).ok().stdout)
    kube.patch("CronJob", environment, NAME, {"spec": {"suspend": True}})
    settings(article, development='cluster = "prod-eu"')
    return [environment]


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text(f"git.example.com ssh-ed25519 {HOST_KEY}\n")
    return file


def test_status_asks_the_stages_cluster(two: Gitops, agent: list[str], api_proxy: ApiProxy) -> None:
    ran = two("agent", "status", *agent, "-o", "json")

    assert ran.json()["agents"][0]["health"] == "suspended"
    assert api_proxy.connections == 0


def test_a_key_goes_to_the_stages_cluster(
    two: Gitops, kube: Kube, agent: list[str], api_proxy: ApiProxy, known_hosts: Path
) -> None:
    options = ["--agent-repo", URL, "--known-hosts", known_hosts]
    two("agent", "key", *agent, *options).ok()

    assert kube.exists("Secret", agent[0], KEY_SECRET)
    assert api_proxy.connections == 0


def test_uninstalling_is_done_in_the_stages_cluster(
    two: Gitops, kube: Kube, agent: list[str], api_proxy: ApiProxy
) -> None:
    two("agent", "uninstall", *agent, "--yes").ok()

    assert installed_objects(kube, agent[0]) == []
    assert api_proxy.connections == 0


def test_looking_as_the_agent_is_done_in_the_stages_cluster(
    two: Gitops, kube: Kube, article: Article, agent: list[str], api_proxy: ApiProxy
) -> None:
    """Its token may not read the cluster's uid, so that is compared with the user's rights."""
    uid = kube.get("Namespace", None, "kube-system")["metadata"]["uid"]
    settings(article, development=f'cluster = "prod-eu"\ncluster_uid = "{uid}"')
    for name in article.recorded(agent[0]):
        kube.wait_rolled_out("Deployment", agent[0], name)

    two("diff", *agent, "--as-agent").ok()

    assert api_proxy.connections == 0


@pytest.mark.node
def test_installing_is_done_in_the_stages_cluster(
    two: Gitops,
    kube: Kube,
    article: Article,
    environment: str,
    baked: list[str],
    api_proxy: ApiProxy,
) -> None:
    settings(article, development='cluster = "prod-eu"')

    two("agent", "install", environment, *baked, "--yes").ok()

    assert kube.exists("CronJob", environment, NAME)
    assert api_proxy.connections == 0


@pytest.mark.parametrize(
    "command",
    [
        ("agent", "status"),
        ("agent", "key", "--agent-repo", URL),
        ("agent", "uninstall", "--yes"),
        ("agent", "install", "--agent-repo", URL, "--image", IMAGE, "--yes"),
        ("diff", "--as-agent"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_another_context_is_refused(
    two: Gitops, agent: list[str], api_proxy: ApiProxy, command: tuple[str, ...]
) -> None:
    ran = two(*command, *agent, "--context", "dev")

    assert ran.code == 6, str(ran)
    assert f"{agent[0]} belongs to cluster `prod-eu` (gitops.toml:2), not to `dev`" in ran.stderr
    assert api_proxy.connections == 0


@pytest.mark.parametrize("command", [("agent", "status"), ("agent", "uninstall", "--yes")])
def test_another_cluster_behind_the_context_is_refused(
    two: Gitops, kube: Kube, article: Article, agent: list[str], command: tuple[str, ...]
) -> None:
    settings(article, development='cluster_uid = "another"')

    ran = two(*command, *agent)

    assert ran.code == 6, str(ran)
    assert "belongs to the cluster with uid another" in ran.stderr
    assert kube.exists("CronJob", agent[0], NAME)


def test_the_context_of_the_users_settings_is_the_usual_one(
    two: Gitops, article: Article, agent: list[str], api_proxy: ApiProxy
) -> None:
    settings(article)

    file = two.home / "config/gitops/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('context = "prod-eu"\n')

    ran = two("agent", "status", *agent, "-o", "json")

    assert ran.json()["agents"][0]["health"] == "suspended"
    assert api_proxy.connections == 0


def test_environments_of_several_clusters_go_each_to_its_own(
    two: Gitops, kube: Kube, article: Article, agent: list[str], api_proxy: ApiProxy
) -> None:
    other = article.environment("staging")
    deploy(kube, article, environments=[other], without_pods=UNSEEN)
    options = ["--agent-repo", URL, "--image", IMAGE]
    apply(kube, two("agent", "manifests", other, *options).ok().stdout)
    both = [*agent, other]

    told = two("agent", "status", *both, "-o", "json").json()
    assert [report["environment"] for report in told["agents"]] == both
    plan = two("agent", "uninstall", *both, "--dry-run", "-o", "json").ok().json()
    clusters = {planned["namespace"]: planned["cluster"] for planned in plan["objects"]}
    assert {name: clusters[name] for name in both} == {agent[0]: "prod-eu", other: "dev"}
    shown = two("agent", "uninstall", *both, "--dry-run").ok().stdout
    assert "prod-eu" in shown

    two("agent", "uninstall", *both, "--yes").ok()

    assert installed_objects(kube, agent[0]) == installed_objects(kube, other) == []
    asked = {request.path for request in api_proxy.seen()}
    assert any(f"/namespaces/{other}/" in path for path in asked)
    assert not any(f"/namespaces/{agent[0]}/" in path for path in asked)


def test_a_cluster_that_is_down_does_not_hide_the_agents_of_the_others(
    two: Gitops, article: Article, agent: list[str]
) -> None:
    other = article.environment("staging")
    settings(article, development='cluster = "prod-eu"', staging='cluster = "nowhere"')

    ran = two("agent", "status", *agent, other, "-o", "json")

    assert ran.code == 2, str(ran)
    assert [report["environment"] for report in ran.json()["agents"]] == agent
    assert "no context `nowhere`" in ran.stderr
