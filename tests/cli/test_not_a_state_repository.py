"""A repository without an environment and a gitops.toml is somebody's code: it is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV
from tests.testbed.article import Article
from tests.testbed.git import git, init_bare
from tests.testbed.gitops import Gitops

HASH = "b" * 40
COMMANDS = [
    ("status",),
    ("history",),
    ("env", "list"),
    ("env", "add", "shop-dev", "--images-path", "registry.example.com/shop/"),
    ("env", "add", "shop-dev", "--images-path", "registry.example.com/shop/", "--dry-run"),
    ("env", "copy", "dev", "shop-qa"),
    ("set", f"web={HASH}", "-e", "dev", "--new"),
    ("release", "-e", "dev"),
    ("promote", "--all", "--to", "prod", "--yes"),
    ("rollback", "web", "-e", "prod", "--yes"),
    ("lock", "-e", "prod", "-m", "why"),
    ("unlock", "-e", "prod"),
    ("validate",),
    ("validate", "--staged"),
    ("diff",),
    ("diff", "--worktree"),
    ("sync", "--all"),
    ("wait", "prod"),
    ("watch", "prod"),
    ("capture", "prod"),
    ("agent", "status"),
    ("doctor", "--no-cluster", "--no-registry"),
]
WAYS = ("-C PATH", "-R URL", "GITOPS_REPO", "`repo` in your config", "gitops init", "sandbox up")


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """Return a checkout of an application: files, commits, a remote."""
    remote = init_bare(tmp_path / "app.git")
    git(tmp_path, "clone", "-q", remote, "app")
    checkout = tmp_path / "app"
    (checkout / "src").mkdir()
    (checkout / "src" / "main.py").write_text("print('hello')\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "Begin")
    git(checkout, "push", "-q", "origin", "HEAD")
    return checkout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_the_ways_to_name_one(
    application: Path, gitops: Gitops, command: tuple[str, ...]
) -> None:
    before = git(application, "for-each-ref"), git(application, "ls-remote", "origin")

    done = gitops.at(application)(*command)

    assert done.code == 2
    said = done.stdout + done.stderr
    assert "is no state repository: it has no environment and no gitops.toml" in said
    for way in WAYS:
        assert way in said.replace("\n", " ")
    assert (git(application, "for-each-ref"), git(application, "ls-remote", "origin")) == before


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/app.git", "/nowhere/app.git"])
@pytest.mark.parametrize(
    "command",
    [("set", "-e", "dev"), ("set", f"web={HASH}", "-e", "dev"), ("promote", "web", "--to", "prod")],
    ids=" ".join,
)
def test_its_remote_is_not_waited_for(
    application: Path, gitops: Gitops, command: tuple[str, ...], url: str
) -> None:
    git(application, "remote", "set-url", "origin", url)

    done = gitops.at(application)(*command)

    assert done.code == 2, str(done)
    assert "has no environment and no gitops.toml, as far as is known here: cannot" in done.stderr
    assert "trying again" not in done.stderr
    for way in WAYS:
        assert way in done.stderr


@pytest.mark.parametrize("command", [("status",), COMMANDS[3], COMMANDS[4], ("validate",)])
def test_neither_is_one_without_commits(
    tmp_path: Path, gitops: Gitops, command: tuple[str, ...]
) -> None:
    git(tmp_path, "init", "-q", "empty")
    remote = init_bare(tmp_path / "empty.git")

    for empty in (gitops.at(tmp_path / "empty"), gitops.at(tmp_path).using(GITOPS_REPO=remote)):
        done = empty(*command)

        assert done.code == 2
        assert "gitops init" in done.stderr
    assert git(remote, "for-each-ref") == ""


def test_what_needs_no_state_repository_works(application: Path, gitops: Gitops) -> None:
    here = gitops.at(application)

    for command in (("version",), ("help", "exit-codes"), ("config", "list"), ("--help",)):
        here(*command).ok()


def test_from_init_to_the_first_push(tmp_path: Path, gitops: Gitops) -> None:
    remote = init_bare(tmp_path / "state.git")
    git(tmp_path, "clone", "-q", remote, "state")
    state = gitops.at(tmp_path / "state")
    state("init", "--project", "shop", "--images-path", "registry.example.com/shop/").ok()
    state("validate").ok()

    early = state("status")
    git(tmp_path / "state", "push", "-q", "-u", "origin", "HEAD")

    assert early.code == 2
    assert "git push -u origin HEAD" in early.stderr
    assert "shop" in state("status").ok().stdout
    state("env", "add", "shop-qa", "--images-path", "registry.example.com/shop/").ok()


def test_a_gitops_toml_alone_makes_one(tmp_path: Path, gitops: Gitops) -> None:
    git(tmp_path, "init", "-q", "state")
    state = tmp_path / "state"
    (state / "gitops.toml").write_text("# agreed: nothing\n")
    git(state, "add", ".")
    git(state, "commit", "-qm", "Begin")

    gitops.at(state)("status").ok()
    gitops.at(state)("env", "add", "shop-dev", "--images-path", "r.example.com/shop/").ok()


def test_a_service_s_checkout_finds_the_one_that_is_configured(
    company: Article, gitops: Gitops
) -> None:
    checkout = gitops.at(company.checkout("authentication"))
    assert checkout("status").code == 2

    assert "authentication" in checkout("status", "-R", company.remote).ok().stdout
    assert DEV in checkout.using(GITOPS_REPO=company.remote)("env", "list").ok().stdout
