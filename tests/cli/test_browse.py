"""`gitops browse`: which page it is, and who opens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

STATE = "https://github.com/acme/environments-state"
SOURCE = "https://gitlab.example.com/acme/{}"


@pytest.fixture
def here(company: Article, gitops: Gitops) -> Gitops:
    """Return the command in a clone of what GitHub has, whose sources a GitLab has."""
    tables = (
        f'[service.{name}]\nsource = "git@gitlab.example.com:acme/{name}.git"\n'
        for name in ("billing", "orders")
    )
    with_settings(company, "".join(tables))
    clone = company.clone()
    git(clone, "remote", "set-url", "origin", f"git@github.com:acme/{STATE.rpartition('/')[2]}")
    git(
        clone, "config", f"url.{company.remote}.insteadOf", "git@github.com:acme/environments-state"
    )
    return gitops.at(clone)


def page(here: Gitops, *arguments: str) -> str:
    """Return the address that a pipe gets."""
    return here("browse", *arguments).ok().stdout.strip()


def test_every_thing_has_its_page(here: Gitops, company: Article) -> None:
    version = {e: str(company.recorded(e)["billing"]) for e in (DEV, STAGING, PROD)}
    billing, commit = SOURCE.format("billing"), tip(company)

    assert page(here) == STATE
    assert page(here, PROD) == page(here, "-e", PROD) == f"{STATE}/tree/main/{PROD}"
    assert page(here, commit[:9]) == f"{STATE}/commit/{commit}"
    assert page(here, "billing") == billing
    lacks = f"{billing}/-/compare/{version[PROD]}...{version[STAGING]}"
    assert version[PROD] != version[STAGING], "else there would be nothing to compare"
    assert page(here, "billing", "-e", PROD) == page(here, "billing", PROD) == lacks
    assert page(here, "billing", "-e", DEV) == f"{billing}/-/commit/{version[DEV]}"
    assert page(here, version[DEV][:8]) == f"{billing}/-/commit/{version[DEV]}"
    said = here("browse", "billing", "-e", PROD, "-o", "json").ok().json()
    assert said["url"] == lacks
    assert said["shows"] == f"what {STAGING} has of billing, and {PROD} lacks"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing",), "no service `nothing`"),
        (("0123456789",), "`0123456789` is no commit of"),
        (("authentication", "-e", PROD), "the source of authentication has no address"),
    ],
)
def test_what_has_no_page_says_why(here: Gitops, words: tuple[str, ...], says: str) -> None:
    done = here("browse", *words)
    assert (done.code, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_repository_on_no_forge_has_none(clone: Gitops) -> None:
    done = clone("browse")
    assert done.code == 2
    assert "no page is known of" in done.stderr


@pytest.mark.parametrize(("code", "opened"), [(0, True), (1, False)])
def test_on_a_terminal_the_users_browser_opens_it(
    here: Gitops, tmp_path: Path, code: int, opened: bool
) -> None:
    program, said = tmp_path / "browser", tmp_path / "said"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}\nexit {code}\n')
    program.chmod(0o755)
    with here.using(BROWSER=f"{program} %s").terminal("browse", PROD) as screen:
        assert screen.finish() == 0
        assert (f"opened {STATE}/tree/main/{PROD}" in screen.text) is opened
        assert f"{STATE}/tree/main/{PROD}" in screen.text
    assert said.read_text().strip() == f"{STATE}/tree/main/{PROD}"
    said.unlink()
    with here.using(BROWSER=f"{program} %s").terminal("browse", PROD, "--print") as screen:
        assert screen.finish() == 0
    assert not said.exists()
