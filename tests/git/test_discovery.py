"""Which repository is around a directory: what git finds, but none among another one's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_cli.domain.errors import GitError
from gitops_cli.git.discovery import git_around, why_none
from gitops_cli.git.environment import git_environment
from tests.testbed.git import git


def found(directory: Path) -> Path | None:
    """Return the git directory around another one."""
    done = git_around(directory, git_environment()).run("rev-parse", "--absolute-git-dir")
    return Path(done.text) if done.code == 0 else None


@pytest.fixture
def work(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "work")
    (tmp_path / "work" / "deep" / "down").mkdir(parents=True)
    return tmp_path / "work"


def test_a_checkout_from_anywhere_in_it(work: Path) -> None:
    assert found(work) == found(work / "deep" / "down") == work / ".git"


@pytest.mark.parametrize("protected", ["all", "explicit"])
def test_a_bare_repository_from_anywhere_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protected: str
) -> None:
    """Also where the user lets git take such ones only where they are named."""
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    (tmp_path / "gitconfig").write_text(f"[safe]\n\tbareRepository = {protected}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    assert (
        found(tmp_path / "bare.git") == found(tmp_path / "bare.git/refs") == tmp_path / "bare.git"
    )


@pytest.mark.parametrize("inside", ["vendor", "vendor/refs", "vendor/refs/heads"])
def test_a_bare_repository_among_files_is_passed_over(work: Path, inside: str) -> None:
    git(work, "init", "-q", "--bare", "vendor")

    assert found(work / inside) == work / ".git"


def test_also_by_a_link_and_from_one_within_another(work: Path, tmp_path: Path) -> None:
    git(work, "init", "-q", "--bare", "vendor")
    git(work, "init", "-q", "--bare", "vendor/refs/inner")
    (tmp_path / "link").symlink_to(work / "vendor")

    assert found(tmp_path / "link") == found(work / "vendor/refs/inner") == work / ".git"


def test_a_checkout_whose_files_look_like_one(work: Path, tmp_path: Path) -> None:
    """Also where another repository is around it."""
    git(tmp_path, "init", "-q")
    (work / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs"):
        (work / name).mkdir()

    assert found(work) == found(work / "deep") == found(work / "objects") == work / ".git"


@pytest.mark.parametrize("pointer", ["gitdir: /nowhere\n", "gitdir: \n", "nonsense\n"])
def test_a_checkout_that_leads_nowhere_is_told_from_none(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text(pointer)

    def why(directory: Path) -> object:
        git_there = git_around(directory, git_environment())
        return why_none(git_there.run("rev-parse", "--git-dir"), directory)

    assert why(tmp_path) is None
    assert isinstance(why(tmp_path / "broken"), GitError)


def test_a_link_in_a_checkout_leads_out_of_it(work: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "outside.git")
    (work / "link").symlink_to(tmp_path / "outside.git")

    assert found(work / "link") == tmp_path / "outside.git"


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("bare", [True, False])
def test_another_users_is_none(tmp_path: Path, bare: bool) -> None:
    git(tmp_path, "init", "-q", *(["--bare"] if bare else []), "theirs")
    for path in (tmp_path / "theirs", *(tmp_path / "theirs").rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)

    assert found(tmp_path / "theirs") is None
