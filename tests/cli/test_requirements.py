"""`require` of gitops.toml: the image must exist, and the source must run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.registry.scripted import Reply, Request, Scripted, image_with, scripted
from tests.testbed import kube as clients
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

DIGEST = "sha256:" + "0f" * 32


def push(company: Article, files: dict[str, str]) -> None:
    """Commit files to the state repository, as a colleague does."""
    work = company.clone("settings")
    for path, content in files.items():
        (work / path).write_text(content)
    git(work, "add", ".")
    git(work, "commit", "-qm", "Agree")
    git(work, "push", "-q")


@pytest.fixture
def known() -> set[str]:
    """Return the tags that the registry has."""
    return set()


@pytest.fixture
def registry(known: set[str]) -> Iterator[Scripted]:
    def answer(request: Request) -> Reply:
        has = request.path.rpartition("/")[2] in known
        return image_with(DIGEST) if has else Reply(404)

    with scripted(answer) as server:
        yield server


def test_an_image_that_is_required_must_exist(
    article: Article, gitops: Gitops, registry: Scripted, known: set[str]
) -> None:
    staging, prod = article.environment("staging"), article.environment("production")
    push(
        article,
        {
            "gitops.toml": '[stage.production]\nrequire = ["image"]\n',
            f"{prod}/images_path": f"{registry.address}/shop/\n",
        },
    )
    wanted = article.recorded(staging)["authentication"]
    clone = gitops.at(article.clone())
    command = ("promote", "authentication", "--to", prod, "--yes")

    refused = clone(*command)

    assert refused.code == 6
    assert f"gitops.toml:2: authentication: the registry has no {registry.address}/shop/" in (
        refused.stderr
    )
    assert article.recorded(prod)["authentication"] != wanted
    known.add(wanted)
    clone(*command).ok()
    assert article.recorded(prod)["authentication"] == wanted


def test_a_missing_image_is_overridden_with_a_reason(
    article: Article, gitops: Gitops, registry: Scripted
) -> None:
    prod = article.environment("production")
    push(
        article,
        {
            "gitops.toml": '[stage.production]\nrequire = ["image"]\n',
            f"{prod}/images_path": f"{registry.address}/shop/\n",
        },
    )
    clone = gitops.at(article.clone())

    clone(
        *("promote", "authentication", "--to", prod, "--yes"),
        *("--override-policy", "-m", "the registry moves tonight"),
    ).ok()


def test_what_does_not_run_in_the_source_is_not_promoted(
    article: Article,
    gitops: Gitops,
    kube: clients.Kube,
    control_plane: ControlPlane,
) -> None:
    staging, prod = article.environment("staging"), article.environment("production")
    push(article, {"gitops.toml": '[stage.production]\nrequire = ["live-in-source"]\n'})
    deploy(kube, article, [staging])
    kube.wait_all_rolled_out("Deployment", staging)
    clone = gitops.at(article.clone()).using(KUBECONFIG=control_plane.kubeconfig)
    clone("set", f"billing={'b' * 40}", "-e", staging).ok()  # recorded, and not synced

    refused = clone("promote", "--all", "--to", prod, "--yes")

    assert refused.code == 6
    assert f"gitops.toml:2: billing bbbbbbb does not run in {staging} (differs)" in refused.stderr
    clone("promote", "authentication", "--to", prod, "--yes").ok()
    assert article.recorded(prod)["authentication"] == article.recorded(staging)["authentication"]


def test_what_is_scaled_to_nothing_in_the_source_does_not_run_there(
    article: Article,
    gitops: Gitops,
    kube: clients.Kube,
    control_plane: ControlPlane,
) -> None:
    staging, prod = article.environment("staging"), article.environment("production")
    push(article, {"gitops.toml": '[stage.production]\nrequire = ["live-in-source"]\n'})
    deploy(kube, article, [staging], replicas=0)
    kube.wait_all_rolled_out("Deployment", staging)
    clone = gitops.at(article.clone()).using(KUBECONFIG=control_plane.kubeconfig)

    refused = clone("promote", "authentication", "--to", prod, "--yes")

    assert refused.code == 6
    assert f"does not run in {staging} (in sync, scaled to 0: nothing of it runs)" in refused.stderr


def test_it_must_run_in_the_cluster_that_is_meant(
    article: Article,
    gitops: Gitops,
    kube: clients.Kube,
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    staging, prod = article.environment("staging"), article.environment("production")
    push(article, {"gitops.toml": '[stage.production]\nrequire = ["live-in-source"]\n'})
    deploy(kube, article, [staging])
    kube.wait_all_rolled_out("Deployment", staging)
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["contexts"][0]["name"] = "two"
    config["current-context"] = "one"  # which is not there
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    clone = gitops.at(article.clone()).using(KUBECONFIG=tmp_path / "config")
    promotion = ("promote", "authentication", "--to", prod, "--yes")

    assert clone(*promotion).code == 2
    clone(*promotion, "--context", "two", "--dry-run").ok()
    clone.using(GITOPS_CONTEXT="two")(*promotion).ok()


def test_a_cluster_that_does_not_answer_lets_nothing_through(
    article: Article, gitops: Gitops, tmp_path: Path
) -> None:
    prod = article.environment("production")
    push(article, {"gitops.toml": '[stage.production]\nrequire = ["live-in-source"]\n'})
    before = article.recorded(prod)
    clone = gitops.at(article.clone()).using(KUBECONFIG=tmp_path / "nothing")

    done = clone("promote", "authentication", "--to", prod, "--yes")

    assert done.code == 2
    assert article.recorded(prod) == before


def test_what_soaks_has_to_run_where_its_cluster_answers(
    article: Article,
    gitops: Gitops,
    kube: clients.Kube,
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    staging, prod = article.environment("staging"), article.environment("production")
    context = yaml.safe_load(control_plane.kubeconfig.read_text())["current-context"]
    agreed = f'[stage.staging]\ncluster = "{context}"\n[stage.production]\nsoak = "1s"\n'
    push(article, {"gitops.toml": agreed})
    deploy(kube, article, [staging], replicas=0)
    kube.wait_all_rolled_out("Deployment", staging)
    clone = gitops.at(article.clone())
    promotion = ("promote", "authentication", "--to", prod, "--yes")

    refused = clone.using(KUBECONFIG=control_plane.kubeconfig)(*promotion)
    assert refused.code == 6
    assert "gitops.toml:4: authentication" in refused.stderr
    assert f"does not run in {staging}" in refused.stderr

    done = clone.using(KUBECONFIG=tmp_path / "nothing")(*promotion).ok()
    assert f"whether it runs in {staging} could not be asked" in done.stderr
