"""A branch that the remote has no more is no empty repository, and none to be begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.domain.errors import ExitCode, GitError
from tests.state.world import World, opened, opened_url, setting
from tests.testbed.git import git, init_bare


@pytest.fixture
def renamed(world: World) -> World:
    """Return a remote whose main became trunk, as a server renames it."""
    world.clone()
    git(world.remote, "branch", "-m", "main", "trunk")
    git(world.remote, "symbolic-ref", "HEAD", "refs/heads/trunk")
    return world


@pytest.mark.parametrize("pruned", [False, True])
def test_reading_names_the_branch_and_the_remotes_default(renamed: World, pruned: bool) -> None:
    clone = renamed.directory / "clone"
    if pruned:
        git(clone, "fetch", "-q", "--prune")

    with pytest.raises(GitError, match="has no branch main; its default is trunk") as caught:
        opened(clone).tip(require_remote=False)

    assert caught.value.exit_code is ExitCode.GIT


def test_writing_begins_no_second_root(renamed: World) -> None:
    before = git(renamed.remote, "for-each-ref")

    with pytest.raises(GitError, match="has no branch main; its default is trunk"):
        opened(renamed.directory / "clone").write(setting(), timeout=60)

    assert git(renamed.remote, "for-each-ref") == before


def test_a_url_follows_the_remotes_default(renamed: World) -> None:
    assert opened_url(renamed.remote).tip().commit == renamed.tip("trunk")


@pytest.mark.parametrize("where", ["clone", "url"])
def test_a_default_that_does_not_exist_is_not_begun_beside_others(world: World, where: str) -> None:
    clone = world.clone()
    git(world.remote, "branch", "one", "main")
    git(world.remote, "branch", "-m", "main", "other")
    git(world.remote, "symbolic-ref", "HEAD", "refs/heads/gone")
    git(clone, "fetch", "-q", "--prune")
    git(clone, "remote", "set-head", "origin", "--delete")
    git(clone, "branch", "--unset-upstream")

    with pytest.raises(GitError, match=r"has no branch .*no default"):
        (opened(clone) if where == "clone" else opened_url(world.remote)).write(setting())

    assert git(world.remote, "for-each-ref", "--format=%(refname:short)").split() == [
        "one",
        "other",
    ]


def test_a_remote_without_branches_is_begun(world: World, tmp_path: Path) -> None:
    empty = init_bare(tmp_path / "empty.git")
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", str(empty))

    repository = opened(clone)

    assert repository.tip().commit is None
