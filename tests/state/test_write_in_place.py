"""A write where no remote is: the branch itself moves, and its checkout with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.errors import (
    Blocked,
)
from tests.state.world import (
    AUTH,
    NEW,
    WEB,
    World,
    fingerprint,
    fixed,
    opened,
    path_of,
    setting,
)
from tests.testbed.git import git


def test_a_bare_repository_without_remote_is_written_in_place(world: World) -> None:
    repository = opened(world.remote)

    written = repository.write(setting())

    assert repository.worktree is None
    assert world.tip() == written.commit
    assert world.read(path_of(AUTH)) == NEW


def test_a_repository_without_remote_keeps_the_checkout_in_step(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "remove", "origin")
    (clone / path_of(WEB)).write_text("edited\n")
    (clone / "untracked").write_text("u\n")
    git(clone, "add", path_of(WEB))

    written = opened(clone).write(setting())

    assert git(clone, "rev-parse", "HEAD") == written.commit
    assert (clone / path_of(AUTH)).read_text() == f"{NEW}\n"
    assert git(clone, "status", "--porcelain").split("\n") == [
        f"M  {path_of(WEB)}",
        "?? untracked",
    ]


def test_without_remote_an_edited_file_in_the_way_refuses(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "remove", "origin")
    (clone / path_of(AUTH)).write_text("edited\n")
    before = fingerprint(clone, objects=False)

    with pytest.raises(Blocked, match="in the way"):
        opened(clone).write(setting())

    assert fingerprint(clone, objects=False) == before


def test_first_commit_of_a_repository_without_remote(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "new")
    edit = Edit("shop-development/images_path", None, b"registry.example.com/shop/\n")

    written = opened(tmp_path / "new").write(lambda _: fixed(edit))

    assert git(tmp_path / "new", "rev-parse", "main") == written.commit
    assert git(tmp_path / "new", "status", "--porcelain") == ""


def test_without_remote_a_branch_checked_out_elsewhere_refuses(world: World) -> None:
    clone, linked = world.clone(), world.directory / "linked"
    git(clone, "remote", "remove", "origin")
    git(clone, "switch", "-q", "-c", "feature")
    git(clone, "worktree", "add", "-q", str(linked), "main")
    git(clone, "symbolic-ref", "HEAD", "refs/heads/main")  # as `switch --ignore-other-worktrees`

    for here, elsewhere in ((clone, linked), (linked, clone)):
        with pytest.raises(Blocked, match=str(elsewhere)):
            opened(here).write(setting())

    git(clone, "symbolic-ref", "HEAD", "refs/heads/feature")
    assert opened(linked).write(setting()).commit == git(linked, "rev-parse", "HEAD")
