"""One write that moves or removes whole files and directories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_cli.domain.change.proposal import Edit, Move, Proposal
from gitops_cli.domain.errors import (
    SourceMoved,
    UsageError,
)
from gitops_cli.domain.recorded.environment import Snapshot
from tests.state.world import (
    DEV,
    NEW,
    OLD,
    PROD,
    World,
    opened,
)
from tests.testbed.git import git


def moving(*moves: Move, edits: tuple[Edit, ...] = ()) -> Callable[[Snapshot], Proposal]:
    return lambda _: Proposal(edits, "Move", moves=moves)


def test_a_directory_moves_with_all_that_is_in_it_as_it_is(world: World) -> None:
    clone = world.clone()
    script = clone / DEV / "manifests" / "deep" / "run.sh"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\r\n")
    script.chmod(0o755)
    (script.parent / "link").symlink_to("run.sh")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Manifests")
    git(clone, "push", "-q")
    before = git(world.remote, "ls-tree", "-r", f"main:{DEV}")

    opened(clone).write(moving(Move(DEV, "shop-qa")))

    assert git(world.remote, "ls-tree", "-r", "main:shop-qa") == before
    assert git(world.remote, "ls-tree", "--name-only", "main").split() == [PROD, "shop-qa"]
    assert git(clone, "status", "--porcelain") == ""


def test_a_moved_file_may_be_edited_at_its_new_place(world: World) -> None:
    new = Edit("shop-qa/auth.deployment", None, f"{NEW}\n".encode())

    opened(world.clone()).write(moving(Move(DEV, "shop-qa"), edits=(new,)))

    found = [world.read(f"shop-qa/{name}") for name in ("auth.deployment", "web.deployment")]
    assert found == [NEW, OLD]


def test_a_directory_goes(world: World) -> None:
    opened(world.clone()).write(moving(Move(DEV, None)))

    assert git(world.remote, "ls-tree", "--name-only", "main") == PROD


def test_what_moves_takes_nobodys_place(world: World) -> None:
    before = world.tip()

    with pytest.raises(UsageError, match="shop-production is there already"):
        opened(world.clone()).write(moving(Move(DEV, PROD)))
    with pytest.raises(SourceMoved, match="elsewhere is not there any more"):
        opened(world.clone("other")).write(moving(Move("elsewhere", "shop-qa")))
    assert world.tip() == before
