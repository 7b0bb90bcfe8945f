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


@pytest.mark.parametrize(
    ("command", "same"),
    [
        (("status", "prod"), ("status", "-e", "prod")),
        (("status", "billing", "prod"), ("status", "billing", "-e", "prod")),
        (("status", "project1-production"), ("status", "-e", "project1-production")),
        (("history", "prod", "-n", "3"), ("history", "-e", "prod", "-n", "3")),
        (("history", "billing", "stage"), ("history", "billing", "-e", "stage")),
    ],
    ids=" ".join,
)
def test_readers_take_a_stage_of_all_projects_in_both_forms(
    clone: Gitops, command: tuple[str, ...], same: tuple[str, ...]
) -> None:
    shown = clone(*command).ok().stdout

    assert shown == clone(*same).ok().stdout != clone(command[0]).ok().stdout


@pytest.mark.parametrize(
    ("command", "same"),
    [
        (("set", f"billing={'b' * 40}", "prod"), ("set", f"billing={'b' * 40}", "-e", "prod")),
        (("lock", "billing", "prod", "-m", "x"), ("lock", "billing", "-e", "prod", "-m", "x")),
        (("lock", DEV, "-m", "x"), ("lock", "-e", DEV, "-m", "x")),
        (("rollback", "billing", "prod"), ("rollback", "billing", "-e", "prod")),
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_writers_take_the_environment_in_both_forms(
    clone: Gitops, command: tuple[str, ...], same: tuple[str, ...]
) -> None:
    shown, as_option = (clone(*words, "--dry-run").ok().stdout for words in (command, same))

    assert shown == as_option
    assert "project1-" in shown


def test_a_service_is_meant_before_a_stage_of_its_name(company: Article, clone: Gitops) -> None:
    company.push(DEV, {"production": "b" * 40})

    shown = clone("status", "production").ok().stdout

    assert "bbbbbbb" in shown
    assert "billing" not in shown


def test_a_slip_in_a_stage_is_answered_with_the_stage(clone: Gitops) -> None:
    """In the names of environments, services and projects: test_every_command.py."""
    done = clone("diff", "prodction")

    assert done.code == 2
    assert "did you mean `production`" in done.stderr


def test_two_environments_of_one_write_are_refused(clone: Gitops) -> None:
    done = clone("lock", "dev", "prod", "-m", "x")

    assert done.code == 2
    assert "one environment at a time" in done.stderr
