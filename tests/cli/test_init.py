"""`gitops init` makes a repository that works, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.git import git, init_bare
from tests.testbed.gitops import Gitops

ARGUMENTS = ("--project", "shop", "--images-path", "registry.example.com/{project}/")


def entries(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_new_directory_becomes_a_repository_with_one_commit(
    gitops: Gitops, tmp_path: Path
) -> None:
    done = gitops("init", "state", *ARGUMENTS, "-p", "blog", "-o", "json").ok().json()
    state = tmp_path / "state"
    assert git(state, "rev-list", "--count", "main") == "1"
    assert git(state, "status", "--porcelain") == ""
    assert done["commit"] == git(state, "rev-parse", "HEAD")
    assert done["files"] == git(state, "ls-files").splitlines()
    assert [e["environment"] for e in done["environments"]] == [
        f"{project}-{stage}"
        for project in ("shop", "blog")
        for stage in ("development", "staging", "production")
    ]
    assert (state / "shop-staging/images_path").read_text() == "registry.example.com/shop/\n"
    assert git(state, "log", "-1", "--format=%an") == "Ada Lovelace"


def test_next_steps_are_said(gitops: Gitops) -> None:
    out = gitops("init", "state", *ARGUMENTS).ok().stdout
    assert "cd state\n" in out
    assert "git remote add origin" in out
    assert "gitops set SERVICE=HASH -e development --new\n" in out


@pytest.mark.parametrize("argument", [".", "../here", None])
def test_the_current_directory_if_it_is_empty(
    gitops: Gitops, tmp_path: Path, argument: str | None
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    done = gitops.at(here)("init", *([argument] if argument else []), *ARGUMENTS).ok()
    assert (here / "shop-production/images_path").is_file()
    assert ("cd " in done.stdout) == (argument == "../here")


def test_a_fresh_clone_keeps_its_remote_and_branch(gitops: Gitops, tmp_path: Path) -> None:
    remote = init_bare(tmp_path / "github" / "state.git")
    git(tmp_path, "clone", "-q", remote, "clone")
    git(tmp_path / "clone", "symbolic-ref", "HEAD", "refs/heads/trunk")
    done = gitops("init", "clone", *ARGUMENTS).ok()
    assert (tmp_path / "clone/.github/workflows/validate.yml").is_file(), "as its remote says"
    assert "git remote add" not in done.stdout
    assert "git push -u origin trunk" in done.stdout
    git(tmp_path / "clone", "push", "-q", "-u", "origin", "trunk")


def test_nothing_is_overwritten(gitops: Gitops, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/README.md").write_text("mine")
    refused = gitops("init", "state", *ARGUMENTS)
    assert refused.code == 2
    assert "README.md" in refused.stderr
    assert entries(tmp_path / "state") == {"README.md"}
    assert (tmp_path / "state/README.md").read_text() == "mine"


def test_twice_is_refused(gitops: Gitops, tmp_path: Path) -> None:
    gitops("init", "state", *ARGUMENTS).ok()
    refused = gitops("init", "state", *ARGUMENTS)
    assert refused.code == 2
    assert "env add" in refused.stderr
    assert git(tmp_path / "state", "rev-list", "--count", "HEAD") == "1"


def test_commits_without_files_are_commits(gitops: Gitops, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    git(tmp_path / "state", "init", "-q")
    git(tmp_path / "state", "commit", "-q", "--allow-empty", "-m", "mine")
    assert gitops("init", "state", *ARGUMENTS).code == 2
    assert entries(tmp_path / "state") == {".git"}


def test_without_an_identity_nothing_is_made(gitops: Gitops, tmp_path: Path) -> None:
    (gitops.home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    refused = gitops("init", "a/b/state", *ARGUMENTS)
    assert refused.code == 2
    assert "git config --global user.name" in refused.stderr
    assert entries(tmp_path) == {"home"}


def test_a_failing_commit_leaves_nothing(gitops: Gitops, tmp_path: Path) -> None:
    with (gitops.home / ".gitconfig").open("a") as config:
        config.write("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = false\n")
    (tmp_path / "clone").mkdir()
    git(tmp_path / "clone", "init", "-q")
    assert gitops("init", "clone", *ARGUMENTS).code == 3
    assert gitops("init", "state", *ARGUMENTS).code == 3
    assert entries(tmp_path) == {"home", "clone"}
    assert entries(tmp_path / "clone") == {".git"}
    assert git(tmp_path / "clone", "ls-files") == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project", "Shop", "--images-path", "r.example.com/"], "`Shop` is not the name"),
        (["--project", "shop", "--images-path", "r.example.com"], "does not end with `/`"),
        (["--images-path", "r.example.com/"], "--project"),
        (["--project", "shop"], "--images-path"),
    ],
)
def test_bad_arguments(gitops: Gitops, tmp_path: Path, arguments: list[str], message: str) -> None:
    refused = gitops("init", "state", *arguments)
    assert refused.code == 2
    assert message in refused.stderr
    assert not (tmp_path / "state").exists()


def test_a_file_is_in_the_way(gitops: Gitops, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("mine")
    assert gitops("init", "state", *ARGUMENTS).code == 2
    assert gitops("init", "state/below", *ARGUMENTS).code == 2
    assert (tmp_path / "state").read_text() == "mine"


def test_a_hook_of_another_repository_does_not_aim_it_elsewhere(
    gitops: Gitops, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "other")
    inside = gitops.using(GIT_DIR=tmp_path / "other/.git", GIT_WORK_TREE=tmp_path / "other")
    inside("init", "state", *ARGUMENTS).ok()
    assert git(tmp_path / "state", "rev-list", "--count", "HEAD") == "1"
    assert entries(tmp_path / "other") == {".git"}


def test_missing_arguments_are_asked_for_on_a_terminal(gitops: Gitops, tmp_path: Path) -> None:
    with gitops.terminal("init", "state") as terminal:
        terminal.wait_for("Projects")
        terminal.type("shop, blog\r")
        terminal.wait_for("Where are the images")
        terminal.type("registry.example.com/{project}/\r")
        assert terminal.finish() == 0
    assert (tmp_path / "state/blog-production/images_path").is_file()


def test_ctrl_c_at_a_question_makes_nothing(gitops: Gitops, tmp_path: Path) -> None:
    with gitops.terminal("init", "state") as terminal:
        terminal.wait_for("Projects")
        terminal.press("ctrl-c")
        assert terminal.finish() == 130
    assert not (tmp_path / "state").exists()
