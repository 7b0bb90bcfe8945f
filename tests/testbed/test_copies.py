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


def test_a_commit_without_a_time_is_a_minute_after_the_one_before(tmp_path: Path) -> None:
    repository = init_bare(tmp_path / "repository")
    add_commits(repository, [Commit("1", {"a": "1"}, 7)])
    add_commits(repository, [Commit("2", {"a": "2"}, None), Commit("3", {"a": "3"}, None)])

    assert git(repository, "log", "--format=%s %ct", "main") == "3 127\n2 67\n1 7"


def test_it_is_kept_as_long_as_no_file_of_it_changes_but_in_a_part(tmp_path: Path) -> None:
    (tmp_path / "made" / "objects").mkdir(parents=True)
    (tmp_path / "made" / "HEAD").write_text("main")
    copies = copies_of(tmp_path / "made")

    (tmp_path / "made" / "objects" / "one").write_text("1")
    assert copies.is_kept(tmp_path / "made", but="objects/")
    (tmp_path / "made" / "packed-refs").write_text("1")
    assert not copies.is_kept(tmp_path / "made", but="objects/")
    (tmp_path / "made" / "packed-refs").unlink()
    (tmp_path / "made" / "HEAD").write_text("next")
    assert not copies.is_kept(tmp_path / "made", but="objects/")
