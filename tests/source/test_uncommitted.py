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


# --- what git status keeps quiet about


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("change", ["written", "removed"])
def test_a_mark_in_the_index_hides_no_change(root: Path, mark: str, change: str) -> None:
    git(root, "update-index", mark, "app.py")
    clean = uncommitted_files(checkout(root))
    if change == "written":
        (root / "app.py").write_text("evil\n")
    else:
        (root / "app.py").unlink()
    assert git(root, "status", "--porcelain") == ""
    before = files_of(root)

    dirty = uncommitted_files(checkout(root))
    commit = commit_uncommitted(checkout(root))

    assert (clean, dirty) == ([], ["app.py"])
    listed = git(root, "ls-tree", "-r", "--name-only", commit).split()
    if change == "written":
        assert git(root, "show", f"{commit}:app.py") == "evil"
    assert ("app.py" in listed) is (change == "written")
    assert files_of(root) == before, "the user's marks stay"


@pytest.fixture(params=["core.excludesFile", "info/exclude", "XDG"])
def own_excludes(
    request: pytest.FixtureRequest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hide what is called `local` in one of the ways that are the user's alone."""
    file = tmp_path / "config" / "git" / "ignore"
    file.parent.mkdir(parents=True)
    if request.param == "info/exclude":
        file = root / ".git" / "info" / "exclude"
        file.parent.mkdir(exist_ok=True)
    file.write_text("local*\n")
    if request.param == "core.excludesFile":
        git(root, "config", "core.excludesFile", str(file))
    if request.param == "XDG":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.usefixtures("own_excludes")
def test_a_users_own_excludes_hide_no_file(root: Path) -> None:
    (root / "built").mkdir()
    (root / "built" / "local").write_text("the project's own decision")
    (root / "local.conf").write_text("evil\n")
    (root / "local\ndir").mkdir()
    (root / "local\ndir" / "more").write_text("evil\n")
    assert git(root, "status", "--porcelain") == ""

    dirty = uncommitted_files(checkout(root))
    commit = commit_uncommitted(checkout(root))

    assert sorted(dirty) == ["local\ndir/", "local.conf"]
    assert git(root, "show", f"{commit}:local.conf") == "evil"
    assert git(root, "show", f"{commit}:local\ndir/more") == "evil"
    assert "built/local" not in git(root, "ls-tree", "-r", "--name-only", commit)


def test_a_repository_that_own_excludes_hide_is_in_no_commit(root: Path) -> None:
    exclude = root / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("tool\n")
    (root / "tool").mkdir()
    git(root / "tool", "init", "-q")
    (root / "tool" / "code.py").write_text("one\n")
    git(root / "tool", "add", ".")
    git(root / "tool", "commit", "-q", "-m", "first")

    assert uncommitted_files(checkout(root)) == ["tool/"]
    with pytest.raises(DirtyTree, match="tool/ is a repository of its own"):
        commit_uncommitted(checkout(root))


@pytest.mark.parametrize("how", ["marked", "excluded"])
def test_what_is_hidden_inside_of_a_submodule_is_seen(
    root: Path, submodule: Path, how: str
) -> None:
    if how == "marked":
        git(submodule, "update-index", "--assume-unchanged", "code.py")
        (submodule / "code.py").write_text("evil\n")
    else:
        place = Path(submodule, git(submodule, "rev-parse", "--git-path", "info/exclude"))
        place.parent.mkdir(exist_ok=True)
        place.write_text("local\n")
        (submodule / "local").write_text("evil\n")
    assert git(submodule, "status", "--porcelain") == ""

    assert uncommitted_files(checkout(root)) == ["vendor/library"]
    with pytest.raises(DirtyTree, match="vendor/library is a submodule"):
        commit_uncommitted(checkout(root))


def test_what_a_sparse_checkout_leaves_out_is_no_change(root: Path) -> None:
    for name in ("web", "other"):
        (root / name).mkdir()
        (root / name / "code.py").write_text("one\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "two services")
    git(root, "sparse-checkout", "set", "web")
    assert not (root / "other").exists()
    clean = uncommitted_files(checkout(root))
    (root / "web" / "code.py").write_text("two\n")
    (root / "other").mkdir()
    (root / "other" / "code.py").write_text("put there by hand\n")

    dirty = uncommitted_files(checkout(root))
    commit = commit_uncommitted(checkout(root))

    assert (clean, sorted(dirty)) == ([], ["other/code.py", "web/code.py"])
    assert git(root, "show", f"{commit}:web/code.py") == "two"
    assert git(root, "show", f"{commit}:other/code.py") == "put there by hand"
    assert git(root, "show", f"{commit}:old.py").startswith("line 0")
