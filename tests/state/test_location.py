"""Which repository, which remote, which branch."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.domain.errors import UsageError
from gitops_cli.git.environment import git_environment
from gitops_cli.state.location import Remote, find_location, find_remote, tracking_ref
from tests.state.world import World, opened, setting
from tests.testbed.git import git


def remote_of(directory: Path) -> Remote | None:
    location = find_location(directory, git_environment())
    assert location is not None
    return find_remote(location)


def test_from_a_subdirectory_up(world: World) -> None:
    clone = world.clone()

    location = find_location(clone / "shop-production", git_environment())

    assert location is not None
    assert (location.worktree, location.git_dir) == (clone, clone / ".git")
    assert (location.head, location.git.directory) == ("refs/heads/main", clone)


def test_a_linked_worktree_shares_objects(world: World) -> None:
    clone, linked = world.clone(), world.directory / "linked"
    git(clone, "worktree", "add", "-q", "-b", "other", str(linked))

    location = find_location(linked, git_environment())

    assert location is not None
    assert (location.worktree, location.common_dir) == (linked, clone / ".git")
    assert location.head == "refs/heads/other"


def test_bare_and_none(world: World, tmp_path: Path) -> None:
    location = find_location(world.remote, git_environment())

    assert location is not None
    assert (location.worktree, location.path) == (None, world.remote)
    assert find_remote(location) is None
    assert find_location(tmp_path, git_environment()) is None


def test_inside_the_git_directory(world: World) -> None:
    with pytest.raises(UsageError, match=r"inside the \.git directory"):
        find_location(world.clone() / ".git", git_environment())


def test_the_upstream(world: World) -> None:
    clone = world.clone()

    assert remote_of(clone) == Remote(
        "origin", str(world.remote), str(world.remote), "refs/heads/main"
    )
    git(clone, "config", "branch.main.merge", "refs/heads/states")
    git(clone, "remote", "add", "other.name", "https://example.com/x.git")
    git(clone, "remote", "set-url", "--push", "other.name", "ssh://git@example.com/x.git")
    git(clone, "config", "branch.main.remote", "other.name")
    assert remote_of(clone) == Remote(
        "other.name",
        "https://example.com/x.git",
        "ssh://git@example.com/x.git",
        "refs/heads/states",
    )


def test_a_branch_that_follows_a_local_one_is_no_upstream(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "feature", "--track", "main")

    found = remote_of(clone)

    assert found is not None
    assert (found.name, found.ref) == ("origin", "refs/heads/main")


def test_the_only_remote(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "rename", "origin", "company")
    git(clone, "switch", "-q", "--detach")

    found = remote_of(clone)

    assert found is not None
    assert (found.name, found.ref) == ("company", "refs/heads/main")


def test_a_branch_of_the_same_name(world: World) -> None:
    git(world.remote, "branch", "next", "main")
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "next", "--no-track")

    found = remote_of(clone)

    assert found is not None
    assert found.ref == "refs/heads/next"


def test_nothing_known_asks_the_remote(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "--detach")
    git(clone, "remote", "set-head", "origin", "--delete")

    found = remote_of(clone)

    assert found is not None
    assert found.ref is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("+refs/heads/*:refs/remotes/origin/*", "refs/remotes/origin/a/b"),
        ("refs/heads/a/b:refs/x", "refs/x"),
        ("+refs/*:refs/*", "refs/heads/a/b"),
        ("+refs/heads/x*:refs/remotes/origin/*", None),
        ("^refs/heads/a/b", None),
        ("refs/heads/a/b", None),
    ],
)
def test_what_a_fetch_would_update(world: World, spec: str, expected: str | None) -> None:
    clone = world.clone()
    git(clone, "config", "--replace-all", "remote.origin.fetch", spec)
    location = find_location(clone, git_environment())

    assert location is not None
    assert tracking_ref(location.config, "origin", "refs/heads/a/b") == expected


def test_a_relative_url_is_the_one_git_means(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", "../remote.git")

    assert opened(clone / "shop-production").write(setting()).commit == world.tip()


def test_instead_of_is_applied_once(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", "company:remote.git")
    git(clone, "config", f"url.{world.directory}/.insteadOf", "company:")

    assert opened(clone).write(setting()).commit == world.tip()


@pytest.mark.parametrize("key", ["url", "pushurl"])
def test_of_several_addresses_the_one_that_is_read_is_written(world: World, key: str) -> None:
    """git fetches from the first and pushes to all; one compare-and-swap is of one."""
    clone = world.clone()
    second = world.directory / "second.git"
    git(world.directory, "clone", "-q", "--bare", world.remote, second)
    before = git(second, "rev-parse", "main")
    if key == "pushurl":
        git(clone, "config", "--add", "remote.origin.pushurl", world.remote)
    git(clone, "config", "--add", f"remote.origin.{key}", second)

    written = opened(clone).write(setting())

    assert written.commit == world.tip()
    assert git(second, "rev-parse", "main") == before
    [note] = written.notes
    assert note.startswith(f"not pushed to {second}")
    assert opened(clone).tip().commit == written.commit
