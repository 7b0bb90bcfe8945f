"""Names mean to everybody what they meant yesterday, whatever somebody adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

ADD = ("env", "add", "shop-dev", "--images-path", "registry.example.com/shop/")


def test_an_added_environment_does_not_change_what_dev_means(
    company: Article, clone: Gitops, gitops: Gitops
) -> None:
    checkout = company.checkout("authentication")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    clone(*ADD).ok()

    gitops.at(checkout).using(GITOPS_REPO=company.remote, CI="1")("set", "-e", "dev").ok()

    assert company.recorded(DEV)["authentication"] == git(checkout, "rev-parse", "HEAD")
    assert company.recorded("shop-dev") == {}
    clone("promote", "authentication", "--from", "dev", "--to", "prod", "--dry-run").ok()


def test_what_becomes_ambiguous_is_said_when_it_is_added(company: Article, clone: Gitops) -> None:
    done = clone(*ADD).ok()

    assert "`dev`" in done.stderr
    assert "shop-development would be of that stage" in done.stderr
    assert "ambiguous" not in clone(*ADD).ok().stderr


@pytest.mark.parametrize(
    "command",
    [("status", "-e", "dev"), ("history", "-e", "dev"), ("set", f"x={'b' * 40}", "-e", "dev")],
)
def test_a_word_with_two_meanings_is_exit_2_with_the_candidates(
    company: Article, clone: Gitops, command: tuple[str, ...]
) -> None:
    clone(*ADD).ok()

    done = clone(*command)

    assert done.code == 2
    assert "project1-development, project2-development, shop-dev" in done.stderr
    clone("status", "-e", "development").ok()


def test_the_environment_itself_is_reached_by_its_full_name(
    company: Article, clone: Gitops, tmp_path: Path
) -> None:
    clone(*ADD).ok()

    assert clone("status", "-e", "shop-dev", "-o", "json").ok().json()
