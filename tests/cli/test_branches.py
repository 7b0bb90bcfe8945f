"""`[stage.X] branches` in CI: requests, tags and detached commits, on real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV, GITHUB, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

AGREED = '[stage.development]\nbranches = ["main"]\n'
FORK = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF_NAME": "12/merge",
    "GITHUB_HEAD_REF": "main",
}
TAG = {"GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"}


@pytest.fixture
def checkout(company: Article) -> Path:
    """Return a checkout with a commit that no branch of its remote has."""
    with_settings(company, AGREED)
    checkout = company.checkout("authentication")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    return checkout


def in_ci(company: Article, gitops: Gitops, checkout: Path, **more: str) -> Gitops:
    return gitops.at(checkout).using(GITOPS_REPO=company.remote, **{**GITHUB, **more})


def test_a_fork_s_branch_is_not_ours_whatever_it_is_called(
    company: Article, gitops: Gitops, checkout: Path
) -> None:
    done = in_ci(company, gitops, checkout, **FORK)("set", "-e", "dev")

    assert done.code == 6
    assert "the request main, not merged yet" in done.stderr


@pytest.mark.parametrize("detached", [False, True])
def test_a_tag_counts_once_the_branch_holds_its_commit(
    company: Article, gitops: Gitops, checkout: Path, detached: bool
) -> None:
    if detached:
        git(checkout, "checkout", "-q", "--detach")
    ci = in_ci(company, gitops, checkout, **TAG)

    before = ci("set", "-e", "dev")
    git(checkout, "push", "-q", "origin", "HEAD:refs/heads/topic")
    on_a_topic = ci("set", "-e", "dev")
    git(checkout, "push", "-q", "origin", "HEAD:refs/heads/main")

    assert before.code == on_a_topic.code == 6
    assert "of which nobody knows that one of them holds it" in before.stderr
    ci("set", "-e", "dev").ok()
    assert company.recorded(DEV)["authentication"] == git(checkout, "rev-parse", "HEAD")


def test_what_a_shallow_clone_of_a_tag_does_not_hold_its_remote_tells(
    company: Article, gitops: Gitops, checkout: Path, tmp_path: Path
) -> None:
    git(checkout, "tag", "v1")
    git(checkout, "push", "-q", "origin", "HEAD:refs/heads/main", "v1")
    remote = f"file://{company.source('authentication').remote}"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=v1", remote, "authentication")

    in_ci(company, gitops, tmp_path / "authentication", **TAG)("set", "-e", "dev").ok()


def test_the_branch_that_is_said_counts(company: Article, gitops: Gitops, checkout: Path) -> None:
    ci = in_ci(company, gitops, checkout, **TAG)

    assert ci.using(GITOPS_BRANCH="topic")("set", "-e", "dev").code == 6
    ci.using(GITOPS_BRANCH="main")("set", "-e", "dev").ok()
