"""Uncommitted work: what it is, and the commit that stands for it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitops_cli.domain.errors import DirtyTree
from gitops_cli.source.checkout import Checkout, checkout_at
from gitops_cli.source.uncommitted import commit_uncommitted, uncommitted_files
from tests.testbed.git import git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "service"
    root.mkdir()
    git(root, "init", "-q")
    (root / "app.py").write_text("one\n")
    (root / "old.py").write_text("".join(f"line {n}\n" for n in range(20)))
    (root / ".gitignore").write_text("built/\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def checkout(root: Path) -> Checkout:
    found = checkout_at(root)
    assert found is not None
    return found


def files_of(root: Path) -> dict[str, bytes]:
    """Return all that a user's checkout is: files, index, HEAD, branches; objects left out."""
    skipped = ("objects", "refs/gitops", "info")
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file()
        and not str(file.relative_to(root)).startswith(tuple(f".git/{name}" for name in skipped))
    }


def test_a_clean_checkout_has_nothing(root: Path) -> None:
    (root / "built").mkdir()
    (root / "built" / "ignored").write_text("x")

    assert uncommitted_files(checkout(root)) == []


@pytest.fixture
def submodule(root: Path, tmp_path: Path) -> Path:
    """Add a submodule, which the configuration keeps quiet about."""
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    (library / "code.py").write_text("one\n")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "first")
    allowed = ("-c", "protocol.file.allow=always")
    git(root, *allowed, "submodule", "--quiet", "add", str(library), "vendor/library")
    git(root, "commit", "-q", "-m", "add a library")
    git(root, "config", "diff.ignoreSubmodules", "all")
    return root / "vendor" / "library"


@pytest.mark.parametrize("file", ["code.py", "new.py"])
def test_work_inside_of_a_submodule_has_no_hash_here(
    root: Path, submodule: Path, file: str
) -> None:
    clean = uncommitted_files(checkout(root))
    (submodule / file).write_text("two\n")

    dirty = uncommitted_files(checkout(root))

    assert (clean, dirty) == ([], ["vendor/library"])
    with pytest.raises(DirtyTree, match="vendor/library is a submodule"):
        commit_uncommitted(checkout(root))


def test_another_commit_of_a_submodule_is_a_change_as_any(root: Path, submodule: Path) -> None:
    (submodule / "code.py").write_text("two\n")
    git(submodule, "commit", "-q", "-a", "-m", "second")

    commit = commit_uncommitted(checkout(root))

    held = git(root, "ls-tree", commit, "vendor/library").split()[2]
    assert held == git(submodule, "rev-parse", "HEAD")


def test_what_is_modified_staged_renamed_removed_or_new(root: Path) -> None:
    (root / "app.py").write_text("two\n")
    git(root, "mv", "old.py", "renamed.py")
    (root / "with space\n.py").write_text("new")

    paths = uncommitted_files(checkout(root))

    assert sorted(paths) == ["app.py", "renamed.py", "with space\n.py"]


def test_a_change_in_the_moment_of_the_index_is_seen(root: Path) -> None:
    """Same size, same time as recorded: git tells it by the time of the index alone."""
    git(root, "config", "core.trustCtime", "false")
    file, index = root / "app.py", root / ".git" / "index"
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
    git(root, "update-index", "--refresh")
    file.write_text("two\n")
    for each in (file, index):
        os.utime(each, (an_hour_ago, an_hour_ago))

    commit = commit_uncommitted(checkout(root))

    assert git(root, "show", f"{commit}:app.py") == "two"


def test_the_commit_holds_the_work_tree_and_nothing_ignored(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    (root / "app.py").write_text("two\n")
    (root / "new.py").write_text("new\n")
    (root / "old.py").unlink()
    (root / "built").mkdir()
    (root / "built" / "ignored").write_text("x")

    commit = commit_uncommitted(checkout(root))

    listed = git(root, "ls-tree", "-r", "--name-only", commit).split()
    assert listed == [".gitignore", "app.py", "new.py"]
    assert git(root, "show", f"{commit}:app.py") == "two"
    assert git(root, "rev-parse", f"{commit}^") == head
    assert head in git(root, "log", "-1", "--format=%s", commit)


def test_the_same_work_has_the_same_hash_in_every_clone(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(root), "other")
    for place in (root, tmp_path / "other"):
        (place / "app.py").write_text("two\n")

    first, again = commit_uncommitted(checkout(root)), commit_uncommitted(checkout(root))
    elsewhere = commit_uncommitted(checkout(tmp_path / "other"))
    (root / "app.py").write_text("three\n")

    assert first == again == elsewhere
    assert commit_uncommitted(checkout(root)) != first


def test_the_checkout_stays_as_it_is(root: Path) -> None:
    (root / "app.py").write_text("two\n")
    git(root, "add", "app.py")
    (root / "app.py").write_text("three\n")
    (root / "new.py").write_text("new\n")
    before = files_of(root)

    commit = commit_uncommitted(checkout(root))

    assert files_of(root) == before
    assert git(root, "branch", "--contains", commit) == ""
    assert git(root, "stash", "list") == ""


def test_git_gc_keeps_it(root: Path) -> None:
    (root / "app.py").write_text("two\n")
    commit = commit_uncommitted(checkout(root))

    git(root, "gc", "-q", "--prune=now")

    assert git(root, "show", f"{commit}:app.py") == "two"
