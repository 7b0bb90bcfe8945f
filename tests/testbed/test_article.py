"""The article's repositories are as the other tests expect them."""

from __future__ import annotations

from pathlib import Path

from tests.testbed import article as articles
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.kube import Kube


def test_recorded_versions_are_commits_of_the_sources(tmp_path: Path) -> None:
    article = articles.build(tmp_path)
    assert len(article.environments) == 6
    for project, services in articles.SERVICES.items():
        for age, stage in enumerate(articles.STAGES):
            recorded = article.recorded(article.environment(stage, project))
            assert set(recorded) == set(services)
            for service, version in recorded.items():
                source = article.source(service, project)
                assert version == source.commits[-1 - age]
                assert git(source.remote, "cat-file", "-t", version) == "commit"
    history = git(article.remote, "log", "--format=%s", "--", "project1-production").splitlines()
    assert len(history) == 2


def test_the_same_names_give_the_same_hashes(tmp_path: Path) -> None:
    one, other = articles.build(tmp_path / "one"), articles.build(tmp_path / "other")
    assert git(one.remote, "rev-parse", "main") == git(other.remote, "rev-parse", "main")
    assert git(one.clone("first"), "status", "--porcelain", "--branch") == "## main...origin/main"


def test_the_cluster_runs_what_is_recorded(kube: Kube, article: Article) -> None:
    environment = article.environment("production")
    articles.deploy(kube, article, [environment])
    deployed = {
        found["metadata"]["name"]: found["spec"]["template"]["spec"]["containers"][0]["image"]
        for found in kube.find("Deployment", environment)
    }
    assert deployed == article.images(environment)
    kube.wait_rolled_out("Deployment", environment, "billing")
    newest = article.source("billing").commits[-1]
    article.push(environment, {"billing": newest})
    expected = deployed | {"billing": f"{articles.REGISTRY}/project1/billing:{newest}"}
    assert article.images(environment) == expected


def test_a_clone_is_what_git_makes(tmp_path: Path) -> None:
    article = articles.build(tmp_path / "article")
    clone = article.clone("copied")

    assert git(clone, "remote", "get-url", "origin") == str(article.remote)
    assert git(clone, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert git(clone, "fsck", "--strict") == ""
    assert git(clone, "symbolic-ref", "refs/remotes/origin/HEAD") == "refs/remotes/origin/main"
    pushed = article.push("project1-staging", {"billing": "a" * 40})
    assert git(article.clone("cloned"), "rev-parse", "HEAD") == pushed


def test_what_a_tip_records_is_read_file_by_file(tmp_path: Path) -> None:
    article = articles.build(tmp_path / "article")
    article.push("project1-staging", {"billing": "a" * 40, "new": "line\nand another"})

    recorded = article.recorded("project1-staging")
    assert recorded["billing"] == "a" * 40
    assert recorded["new"] == "line\nand another"
    assert sorted(recorded) == ["authentication", "billing", "frontend", "new", "orders"]
    assert article.images("project1-staging")["new"].startswith("registry.example.com/project1/new")
