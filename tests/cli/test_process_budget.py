"""How many processes of git a command starts: each takes milliseconds, and they wait in a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

# What the other side of a connection starts, which differs from git to git.
SERVER = {
    *("upload-pack", "receive-pack", "pack-objects", "unpack-objects", "index-pack", "rev-list"),
    *("for-each-ref", "gc", "maintenance"),
}
OPENING = ["cat-file", "config", "rev-parse"]


@pytest.fixture
def started(clone: Gitops, tmp_path: Path) -> Callable[..., list[str]]:
    """Return what runs gitops and names the git commands it started, sorted."""

    def run(*arguments: str, **variables: str) -> list[str]:
        trace = tmp_path / "trace"
        trace.unlink(missing_ok=True)
        clone.fresh().using(GIT_TRACE=trace, **variables)(*arguments).ok()
        names = re.findall(r"trace: built-in: git (\S+)", trace.read_text())
        return sorted(name for name in names if name not in SERVER)

    return run


def test_what_is_recorded_already(started: Callable[..., list[str]], company: Article) -> None:
    version = company.recorded(DEV)["billing"]

    assert started("set", f"billing={version}", "-e", DEV) == sorted([*OPENING, "fetch-pack"])


def test_completion(started: Callable[..., list[str]]) -> None:
    asked = {"_GITOPS_COMPLETE": "complete_bash", "COMP_WORDS": "gitops status bil"}

    assert started(**asked, COMP_CWORD="2") == OPENING


def test_a_write(started: Callable[..., list[str]]) -> None:
    objects = ["hash-object", "mktree", "commit-tree"]
    following = ["update-ref", "status", "merge"]

    assert started("set", f"billing={'ab' * 20}", "-e", DEV) == sorted(
        [*OPENING, *objects, "push", *following]
    )


def test_a_promotion_of_many(started: Callable[..., list[str]], company: Article) -> None:
    began = started("promote", "--all", "--from", "dev", "--to", PROD, "-p", "project1", "--yes")

    assert len(company.recorded(PROD)) > 2
    assert began.count("mktree") == began.count("hash-object") == began.count("push") == 1


def test_a_rollback_asks_for_the_tip_once(started: Callable[..., list[str]]) -> None:
    assert started("rollback", "billing", PROD, "--dry-run") == sorted(
        [*OPENING, "ls-remote", "log"]
    )


def test_a_history_without_pulls_looks_for_none(clone: Gitops, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    clone.fresh().using(GIT_TRACE=trace)("history", "billing", "-e", PROD, "--offline").ok()

    assert "git log" in trace.read_text()
    assert "git rev-list" not in trace.read_text()


def test_a_history_of_a_mirror(clone: Gitops, company: Article, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    asked = ("history", "billing", "-e", PROD, "-R", company.remote.as_uri())
    clone(*asked).ok()

    clone.using(GIT_TRACE=trace)(*asked).ok()

    names = re.findall(r"trace: built-in: git (\S+)", trace.read_text())
    assert sorted(set(names) - SERVER) == ["cat-file", "config", "log", "ls-remote"]
