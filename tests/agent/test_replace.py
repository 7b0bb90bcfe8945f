"""Installing in the other mode or place: the agent that was there before goes, with its key."""

from __future__ import annotations

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import UNSEEN, installed_objects
from tests.testbed.article import Article, deploy
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

pytestmark = pytest.mark.node

RIGHTS = [f"Role {NAME}", f"RoleBinding {NAME}", f"ConfigMap {NAME}"]


@pytest.fixture
def names(article: Article, kube: Kube) -> list[str]:
    """Return two environments, deployed and without an agent."""
    found = [article.environment("development"), article.environment("staging")]
    deploy(kube, article, environments=found, without_pods=UNSEEN)
    return found


@pytest.fixture
def home(article: Article) -> str:
    """Return where a controller is to live."""
    return f"{article.prefix}home"


def in_controller(home: str) -> list[str]:
    return ["--mode=controller", "--agent-namespace", home]


def words(kube: Kube, namespace: str) -> list[str]:
    deployment = kube.get("Deployment", namespace, NAME)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    found: list[str] = container["command"]
    return found


def test_a_controller_takes_over_from_cronjobs(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", *names, *baked, "--yes").ok()

    plan = (
        cli("agent", "install", *names, *baked, *in_controller(home), "--dry-run", "-o", "json")
        .ok()
        .json()
    )
    assert kube.exists("CronJob", names[0], NAME)
    ran = (
        cli("agent", "install", *names, *baked, *in_controller(home), "--yes", "-o", "json")
        .ok()
        .json()
    )

    assert plan["objects"] == ran["objects"]
    for name in names:
        assert sorted(installed_objects(kube, name)) == sorted(RIGHTS)
    assert {f"--env={name}" for name in names} < set(words(kube, home))


def test_cronjobs_take_over_from_a_controller_one_by_one(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", *names, *baked, *in_controller(home), "--yes").ok()

    cli("agent", "install", names[0], *baked, "--mode=cronjob", "--yes").ok()

    assert kube.exists("CronJob", names[0], NAME)
    assert f"--env={names[0]}" not in words(kube, home)
    assert f"--env={names[1]}" in words(kube, home)
    cli("agent", "install", names[1], *baked, "--mode=cronjob", "--yes").ok()
    assert installed_objects(kube, home) == []
    assert cli("agent", "uninstall", names[1], "--yes").ok()
    assert installed_objects(kube, names[1]) == []


def test_all_leave_a_controller_at_once_and_it_goes(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", *names, *baked, *in_controller(home), "--yes").ok()

    cli("agent", "install", *names, *baked, "--mode=cronjob", "--yes").ok()

    assert installed_objects(kube, home) == []
    assert all(kube.exists("CronJob", name, NAME) for name in names)


def test_a_controller_moves(
    cli: Gitops,
    kube: Kube,
    names: list[str],
    baked: list[str],
    home: str,
    article: Article,
) -> None:
    cli("agent", "install", *names, *baked, *in_controller(home), "--yes").ok()

    other = f"{article.prefix}elsewhere"
    cli("agent", "install", names[1], *baked, *in_controller(other), "--yes").ok()

    assert f"--env={names[0]}" in words(kube, home)
    assert f"--env={names[1]}" not in words(kube, home)
    assert f"--env={names[1]}" in words(kube, other)


def test_installing_again_replaces_nothing(
    cli: Gitops, names: list[str], baked: list[str], home: str
) -> None:
    for mode in ([], in_controller(home)):
        cli("agent", "install", *names, *baked, *mode, "--yes").ok()
        again = cli("agent", "install", *names, *baked, *mode, "--yes", "-o", "json").ok()
        assert {planned["step"] for planned in again.json()["objects"]} == {"keep"}


def test_installing_again_keeps_the_mode_and_the_home(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", *names, *baked, *in_controller(home), "--yes").ok()

    again = (
        cli("agent", "install", names[0], "--no-verify-image", "--yes", "-o", "json").ok().json()
    )

    assert {planned["step"] for planned in again["objects"]} == {"keep"}
    assert not kube.exists("CronJob", names[0], NAME)
    assert {f"--env={name}" for name in names} < set(words(kube, home))


def test_agents_of_both_modes_are_asked_about(
    cli: Gitops, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", names[0], *baked, *in_controller(home), "--yes").ok()
    cli("agent", "install", names[1], *baked, "--yes").ok()

    ran = cli("agent", "install", *names, *baked, "--yes")

    assert ran.code == 2
    assert f"controller in {home}, cronjob in {names[1]}" in ran.stderr
    assert "--mode" in ran.stderr


def test_the_key_of_an_environment_is_that_of_its_agent(
    cli: Gitops, kube: Kube, names: list[str], baked: list[str], home: str
) -> None:
    cli("agent", "install", *names, *baked, *in_controller(home), "--yes").ok()
    where = ["--agent-repo", baked[1]]

    [shared] = {cli("agent", "key", name, *where).ok().stdout for name in names}
    rotated = cli("agent", "key", names[0], *where, "--rotate", "-o", "json").ok().json()

    assert rotated["namespace"] == home
    assert rotated["step"] == "added"
    assert cli("agent", "key", names[1], *where).ok().stdout == shared
    assert "Secret" not in str(installed_objects(kube, names[0]))
    too_early = cli("agent", "key", names[0], *where, "--rotate")
    assert too_early.code == 6
    assert "may not see the new key yet" in too_early.stderr
