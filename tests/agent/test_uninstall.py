"""`gitops agent uninstall`: what was installed can be removed, by whom and from where ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import CONTROLLER_NAMESPACE, NAME, AgentMode
from gitops_cli.agent.view import manifests_yaml
from tests.agent.world import apply, installed_objects, spec_of
from tests.testbed.article import Article
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually

RBAC = "rbac.authorization.k8s.io"


def install(kube: Kube, *names: str, namespace: str = "", restrict: bool = False) -> None:
    """Install a CronJob's agent, or a controller in a namespace; nothing of it runs."""
    mode = AgentMode.CONTROLLER if namespace else AgentMode.CRONJOB
    spec = spec_of(*names, namespace=namespace or names[0], mode=mode, restrict=restrict)
    apply(kube, manifests_yaml(manifests(spec)))
    if namespace:
        kube.patch("Deployment", namespace, NAME, {"spec": {"replicas": 0}})
    else:
        kube.patch("CronJob", names[0], NAME, {"spec": {"suspend": True}})


def forget(article: Article, environment: str) -> None:
    """Remove an environment from the repository."""
    listing = git(article.remote, "ls-tree", "--name-only", "main", f"{environment}/")
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
    gone = dict.fromkeys(listing.splitlines())
    add_commits(article.remote, [Commit("Remove it", gone, now)])


# --- rights


@pytest.fixture
def limited(
    cli: Gitops, kube: Kube, environment: str, control_plane: ControlPlane, tmp_path: Path
) -> Gitops:
    """Return the command of somebody who may do all that a CronJob's agent takes, and no more."""
    core = ["serviceaccounts", "configmaps", "secrets"]
    usual = ["get", "create", "patch", "delete"]
    rules = [
        {"apiGroups": [""], "resources": core, "verbs": usual},
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": usual},
        {"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": usual},
    ]
    file = write_kubeconfig(
        tmp_path / "limited",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(environment, "installer", rules),
    )
    return cli.using(KUBECONFIG=file)


def test_who_may_install_may_uninstall(limited: Gitops, kube: Kube, environment: str) -> None:
    install(kube, environment)

    def uninstalled() -> bool:  # new rights take a moment
        return limited("agent", "uninstall", environment, "--dry-run").code == 0

    eventually(uninstalled)
    ran = limited("agent", "uninstall", environment, "--yes").ok()

    assert installed_objects(kube, environment) == []
    assert f"{NAME}-{environment}" in ran.stderr
    assert "not permitted to get validatingadmissionpolicybindings" in ran.stderr
    limited("agent", "uninstall", environment, "--yes").ok()


def test_what_was_broken_off_can_be_finished(limited: Gitops, kube: Kube, environment: str) -> None:
    install(kube, environment)
    kube.delete("CronJob", environment, NAME)

    eventually(lambda: limited("agent", "uninstall", environment, "--yes").code == 0)

    assert installed_objects(kube, environment) == []


def test_a_controller_that_serves_others_is_left_alone(
    cli: Gitops, kube: Kube, article: Article, environment: str
) -> None:
    served = article.environment("staging")
    kube.create_namespace(served)
    install(kube, served, namespace=environment)
    before = installed_objects(kube, environment)

    cli("agent", "uninstall", environment, "--yes").ok()

    assert installed_objects(kube, environment) == before


# --- environments that the repository has lost


def test_an_environment_that_is_gone_from_git_loses_its_agent(
    cli: Gitops, kube: Kube, article: Article, environment: str
) -> None:
    install(kube, environment, restrict=True)
    forget(article, environment)

    shown = cli("agent", "uninstall", environment, "--dry-run", "-o", "json").ok().json()
    ran = cli("agent", "uninstall", environment, "--yes").ok()

    assert {planned["step"] for planned in shown["objects"]} == {"delete"}
    assert f"{environment} is not in the repository" in ran.stderr
    assert installed_objects(kube, environment) == []
    binding = f"{NAME}-{environment}"
    assert not kube.exists("ValidatingAdmissionPolicyBinding", None, binding)
    again = cli("agent", "uninstall", environment, "--yes")
    assert again.code == 2
    assert "there is no environment" in again.stderr


def test_a_similar_name_keeps_its_agent(cli: Gitops, kube: Kube, article: Article) -> None:
    gone, there = f"{article.prefix}project1-prod", article.environment("production")
    for name in (gone, there):
        kube.create_namespace(name)
        install(kube, name)
    try:
        cli("agent", "uninstall", gone, "--yes").ok()

        assert installed_objects(kube, gone) == []
        assert f"CronJob {NAME}" in installed_objects(kube, there)
    finally:
        kube.delete_namespace(gone)


@pytest.mark.parametrize("word", ["nowhere", "No_Name", "../x"])
def test_what_has_no_agent_is_no_environment(
    cli: Gitops, kube: Kube, environment: str, word: str
) -> None:
    ran = cli("agent", "uninstall", word, "--yes")

    assert ran.code == 2, str(ran)
    assert "there is no environment" in ran.stderr


def test_a_controller_forgets_an_environment_whose_namespace_is_gone_too(
    cli: Gitops, kube: Kube, article: Article, environment: str
) -> None:
    other = article.environment("staging")
    kube.create_namespace(other)
    install(kube, environment, other, namespace=CONTROLLER_NAMESPACE)
    forget(article, other)
    kube.delete_namespace(other)
    eventually(lambda: not kube.exists("RoleBinding", other, NAME))
    try:
        cli("agent", "uninstall", other, "--yes").ok()

        deployment = kube.get("Deployment", CONTROLLER_NAMESPACE, NAME)
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert f"--env={environment}" in container["command"]
        assert f"--env={other}" not in container["command"]
    finally:
        kube.delete_namespace(CONTROLLER_NAMESPACE)
