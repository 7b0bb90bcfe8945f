"""--pr of what moves names and whole environments: rename, env add/copy/rename/remove, capture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.cli.hosted import on
from tests.forge.fakes import FakeForge, running_forge
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

COMMANDS = {
    "rename": (
        ("rename", "billing", "invoices", "-e", DEV, "--yes"),
        f"gitops/rename/{DEV}+billing+invoices",
    ),
    "env rename": (
        ("env", "rename", DEV, "project1-qa", "--yes"),
        f"gitops/rename/{DEV}+project1-qa",
    ),
    "env remove": (("env", "remove", DEV, "--confirm", DEV), f"gitops/remove/{DEV}"),
    "env add": (
        ("env", "add", "project1-qa", "--images-path", "r.example.com/x/"),
        "gitops/env/project1-qa",
    ),
    "env copy": (("env", "copy", STAGING, "project1-qa", "--yes"), "gitops/env/project1-qa"),
}


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with running_forge("github") as (forge, _):
        yield forge


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_proposed_and_nothing_is_written(
    company: Article, gitops: Gitops, forge: FakeForge, command: str
) -> None:
    words, branch = COMMANDS[command]
    member, before = on(forge, company, gitops), tip(company)

    planned = member(*words, "--pr", "--dry-run").ok()
    assert f"would push {branch}: " in planned.stdout
    assert forge.requests == []
    document = member(*words, "--pr", "-m", "as @ada says", "-o", "json").ok().json()

    assert tip(company) == before
    assert git(company.remote, "rev-parse", f"{branch}^") == before
    assert (document["branch"], document["commit"]) == (
        branch,
        git(company.remote, "rev-parse", branch),
    )
    assert document["request"] == {"number": 1, "did": "opened", "draft": False}
    [made] = forge.open
    assert made["title"] == git(company.remote, "log", "-1", "--format=%s", branch)
    assert "`@ada`" in made["body"]
    again = member(*words, "--pr", "-m", "as @ada says").ok()
    assert "request 1 " in again.stdout
    assert "kubectl" not in again.stderr or command == "rename"
    assert len(forge.requests) == 1


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "env add"])
def test_a_stage_of_requests_gets_one_by_itself(
    company: Article, clone: Gitops, command: str
) -> None:
    stages = 'stages = ["development", "qa", "staging", "production"]\n'
    with_settings(company, f'{stages}[stage.development]\nmode = "pr"\n[stage.qa]\nmode = "pr"\n')
    words, branch = COMMANDS[command]
    before = tip(company)

    done = clone(*words).ok()

    assert f"pushed {branch}" in done.stdout
    assert tip(company) == before


def test_a_rename_in_several_environments_is_one_request(company: Article, clone: Gitops) -> None:
    done = clone("rename", "billing", "invoices", "--yes", "--pr", "-p", "project1").ok()

    assert "pushed gitops/rename/+project1+billing+invoices" in done.stdout
    assert company.recorded(PROD).keys() >= {"billing"}


def test_the_options_of_a_request_need_one(clone: Gitops) -> None:
    done = clone("env", "add", "project1-qa", "--images-path", "r.example.com/x/", "--draft")

    assert done.code == 2
    assert "add --pr" in done.stderr
