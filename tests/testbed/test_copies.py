"""What is made once is written out as it was."""

from __future__ import annotations

from pathlib import Path

from tests.testbed.copies import copies_of
from tests.testbed.git import Commit, add_commits, git, init_bare


def test_a_repository_written_out_is_the_same(tmp_path: Path) -> None:
    made = init_bare(tmp_path / "made")
    [commit] = add_commits(made, [Commit("Begin", {"a/b": "text\n"}, 1_793_606_400)])
    (made / "hooks").mkdir()
    (made / "hooks" / "update").write_text("#!/bin/sh\n")
    (made / "hooks" / "update").chmod(0o755)

    copies_of(made).write(tmp_path / "deep" / "copy")

    copy = tmp_path / "deep" / "copy"
    assert git(copy, "rev-parse", "main") == commit
    assert git(copy, "fsck", "--strict") == ""
    assert (copy / "hooks" / "update").stat().st_mode & 0o777 == 0o755
    assert copies_of(copy) == copies_of(made)


def test_commits_are_returned_in_their_order_and_continue_the_branch(tmp_path: Path) -> None:
    repository = init_bare(tmp_path / "repository")
    first = add_commits(repository, [Commit("1", {"a": "1"}, 1), Commit("2", {"a": "2"}, 2)])
    second = add_commits(repository, [Commit("3", {"a": "3"}, 3)])

    assert [*first, *second] == git(repository, "rev-list", "--reverse", "main").splitlines()
