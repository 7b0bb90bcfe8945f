"""The main job, as CI and two people do it: real repositories, a real API server, real processes.

Two projects of four services in three environments each; every service has a Deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import AUTHOR, Gitops
from tests.testbed.kube import Kube, rolled_out

SERVICE = "authentication"
CI = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octo",
    "GITHUB_REPOSITORY": "acme/authentication",
    "GITHUB_RUN_ID": "7",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
}


@pytest.fixture
def person(gitops: Gitops, control_plane: ControlPlane) -> Gitops:
    """Return the command of somebody who may do everything in the cluster."""
    return gitops.using(KUBECONFIG=control_plane.kubeconfig)


def build(article: Article, gitops: Gitops, subject: str) -> str:
    """Do what a pipeline does after a push to the service's source; return the hash it recorded.

    The checkout is a new one and knows nothing; all comes from it and from the CI's variables.
    """
    checkout = article.checkout(SERVICE, name=f"ci-{subject}")
    git(checkout, "commit", "-q", "--allow-empty", "-m", subject)
    git(checkout, "push", "-q")
    head = git(checkout, "rev-parse", "HEAD")
    before = git(article.remote, "rev-parse", "main")

    gitops.at(checkout).using(GITOPS_REPO=article.remote, **CI)("set", "-e", "dev").ok()

    assert article.recorded(article.environment("development"))[SERVICE] == head
    assert git(article.remote, "rev-parse", "main^") == before
    assert git(article.remote, "log", "-1", "--format=%an", "main") == "octo"
    assert git(checkout, "status", "--porcelain", "--ignored") == ""
    return head


def live(kube: Kube, environment: str, service: str = SERVICE) -> dict[str, Any]:
    """Return a Deployment as it is now."""
    return kube.get("Deployment", environment, service)


def version_of(workload: Mapping[str, Any]) -> str:
    """Return the tag of its only container."""
    [container] = workload["spec"]["template"]["spec"]["containers"]
    return str(container["image"]).rpartition(":")[2]


def rows(document: Mapping[str, Any], state: str) -> list[tuple[str, str]]:
    """Return the (environment, service) of a diff's rows in a state."""
    return [
        (environment["name"], row["service"])
        for environment in document["environments"]
        for row in environment["rows"]
        if row["state"] == state
    ]


def test_a_commit_goes_from_ci_to_production(article: Article, kube: Kube, person: Gitops) -> None:
    first, second = (person.at(article.clone(name)) for name in ("first", "second"))
    development, production = map(article.environment, ("development", "production"))
    deploy(kube, article)
    for environment in article.environments:
        kube.wait_all_rolled_out("Deployment", environment)
    assert first("diff", "-o", "json").ok().json()["summary"] == {"in-sync": 24}
    nothing = first("sync", "--all", "--wait").ok()
    assert "nothing to do: 24 services" in nothing.stderr
    stale = git(second.directory, "rev-parse", "HEAD")

    for clone, subject in ((first, "Remember devices"), (second, "Forget devices")):
        new = build(article, person, subject)
        follow_development(clone, kube, development, new)
        promote_and_sync(clone, article, kube, production, new)
        if clone is first:
            assert git(second.directory, "rev-parse", "HEAD") == stale
            the_stale_clone_rolls_nothing_back(second, kube, production, new)


def follow_development(clone: Gitops, kube: Kube, environment: str, new: str) -> None:
    """Sync one named environment; the cluster runs what CI recorded."""
    differs = clone("diff", environment)
    assert differs.code == ExitCode.NO, differs
    assert "1 differs" in differs.stderr

    done = clone("sync", environment, "--wait").ok()

    assert new[:7] in done.stdout
    workload = live(kube, environment)
    assert version_of(workload) == new
    assert rolled_out(workload), workload["status"]
    clone("diff", environment).ok()


def promote_and_sync(
    clone: Gitops, article: Article, kube: Kube, production: str, new: str
) -> None:
    """Promote, see the difference, let the cluster follow, see none."""
    old = article.recorded(production)[SERVICE]
    begin = live(kube, production)

    promoted = clone("promote", SERVICE, "--from", "dev", "--to", "prod", "--yes", "-o", "json")

    document = promoted.ok().json()
    assert [(c["service"], c["from"], c["to"]) for c in document["changes"]] == [
        (SERVICE, old, new)
    ]
    tip = git(article.remote, "rev-parse", "main")
    assert document["commit"] == tip
    assert git(clone.directory, "rev-parse", "HEAD") == tip

    diff = clone("diff", "-o", "json")

    assert diff.code == ExitCode.NO, diff
    document = diff.json()
    assert document["commit"] == tip
    assert document["summary"] == {"in-sync": 23, "differs": 1}
    assert rows(document, "differs") == [(production, SERVICE)]
    [[row]] = [
        [row for row in environment["rows"] if row["service"] == SERVICE]
        for environment in document["environments"]
        if environment["name"] == production
    ]
    images = f"registry.example.com/project1/{SERVICE}:"
    assert (row["wanted"], row["recorded"]) == (images + new, images + old)
    assert [(each["image"], each["pods"]) for each in row["running"]] == [(images + old, 1)]
    assert live(kube, production) == begin

    synced = clone("sync", "--all", "--wait", "-o", "json").ok()

    document = synced.json()
    outcomes = [each for e in document["environments"] for each in e["services"]]
    [outcome] = [each for each in outcomes if each["action"] != "unchanged"]
    assert (outcome["service"], outcome["action"]) == (SERVICE, "patched")
    assert outcome["rollout"] == "ready"
    workload = live(kube, production)
    assert version_of(workload) == new
    assert rolled_out(workload), workload["status"]
    annotations = workload["metadata"]["annotations"]
    assert annotations["gitops-cli/commit"] == tip
    assert new[:7] in annotations["kubernetes.io/change-cause"]
    managers = {
        fields["manager"]
        for fields in workload["metadata"]["managedFields"]
        if "f:image" in str(fields)
    }
    assert "gitops" in managers
    assert clone("diff", "-o", "json").ok().json()["summary"] == {"in-sync": 24}
    assert_people_can_read_it(clone, production, new)


def assert_people_can_read_it(clone: Gitops, production: str, new: str) -> None:
    """Status and history tell the same story, as text and as JSON."""
    [cell] = [
        cell
        for project in clone("status", SERVICE, "-o", "json").ok().json()["projects"]
        for service in project["services"]
        for cell in service["environments"]
        if cell["environment"] == production
    ]
    assert (cell["version"], cell["changed_by"]) == (new, AUTHOR)
    assert new[:7] in clone("status", SERVICE).ok().stdout
    last = ("history", SERVICE, "-e", production, "-n", "1")
    [entry] = clone(*last, "-o", "json").ok().json()["entries"]
    assert (entry["to"], entry["action"], entry["replaced_at"]) == (new, "promote", None)
    assert entry["by"]["name"] == AUTHOR
    assert entry["commit"] == cell["commit"] == git(clone.directory, "rev-parse", "HEAD")
    assert new[:7] in clone(*last).ok().stdout
    clone("validate").ok()


def the_stale_clone_rolls_nothing_back(
    clone: Gitops, kube: Kube, production: str, new: str
) -> None:
    """It asks the remote first; told not to, it leaves alone what is newer than what it knows."""
    before = live(kube, production)
    assert "nothing to do" in clone("sync", "--all").ok().stderr

    offline = clone("sync", production, "--offline")

    assert offline.code == ExitCode.NO, offline
    assert "newer" in offline.stdout + offline.stderr
    assert live(kube, production) == before
    assert version_of(before) == new


def test_an_image_that_cannot_be_pulled_is_reported_and_rolled_back(
    article: Article, kube: Kube, person: Gitops
) -> None:
    development = article.environment("development")
    deploy(kube, article, [development])
    kube.wait_all_rolled_out("Deployment", development)
    clone = person.at(article.clone())
    good, bad = article.recorded(development)[SERVICE], "dead0" + "b" * 35
    clone("set", f"{SERVICE}={bad}", "-e", "dev").ok()

    failed = clone("sync", development, "--wait", "--timeout", "1h", timeout=150)

    assert failed.code == ExitCode.ROLLOUT_FAILED, failed
    assert "ImagePull" in failed.stdout
    assert "not found" in failed.stdout
    assert f"-n {development} --context test" in failed.stdout, (
        "the kubectl command that shows more"
    )
    differs = clone("diff", development, "-o", "json")
    assert differs.code == ExitCode.NO
    assert rows(differs.json(), "failed") == [(development, SERVICE)]
    [row] = [r for r in differs.json()["environments"][0]["rows"] if r["state"] == "failed"]
    assert "ImagePull" in row["trouble"]["reason"]
    again = clone("sync", development, "--wait", "--timeout", "120s", "-o", "json", timeout=150)
    assert again.code == ExitCode.ROLLOUT_FAILED, "nothing to patch, but not well either"
    assert again.json()["exit_code"] == ExitCode.ROLLOUT_FAILED

    clone("rollback", SERVICE, "-e", "dev", "--yes", "-m", "cannot be pulled").ok()

    assert article.recorded(development)[SERVICE] == good
    clone("sync", development, "--wait").ok()
    workload = live(kube, development)
    assert version_of(workload) == good
    assert rolled_out(workload), workload["status"]
    clone("diff", development).ok()
    [entry] = clone("history", SERVICE, "-e", development, "-n", "1", "-o", "json").json()[
        "entries"
    ]
    assert (entry["from"], entry["to"]) == (bad, good)
    assert (entry["action"], entry["reason"]) == ("rollback", "cannot be pulled")
