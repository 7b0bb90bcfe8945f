"""Commits that no honest git writes: wrong objects, endless depth, more bytes than fit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.domain.errors import GitError, InvalidState
from gitops_cli.domain.recorded.files import MAX_SETTINGS_BYTES
from gitops_cli.git.objects import MOST_BYTES, Object, parse_commit
from tests.state.world import DEV, World, opened
from tests.testbed.git import git


def stored(repository: Path, kind: str, data: bytes) -> str:
    """Write any bytes as an object; git does not look at them."""
    words = ("hash-object", "-t", kind, "-w", "--literally", "--stdin")
    return git(repository, *words, stdin=data)


def tree_of(repository: Path, *entries: tuple[str, bytes, str]) -> str:
    data = b"".join(
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries
    )
    return stored(repository, "tree", data)


def committed(repository: Path, tree: str) -> str:
    """Make a commit of a tree the branch's tip."""
    data = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nodd\n"
    commit = stored(repository, "commit", data.encode())
    git(repository, "update-ref", "refs/heads/main", commit)
    return commit


def environment(clone: Path, *more: tuple[str, bytes, str]) -> str:
    """Return a commit with one environment that holds these entries, too."""
    images = stored(clone, "blob", b"r.example.com/shop/\n")
    inner = tree_of(clone, ("100644", b"images_path", images), *more)
    return committed(clone, tree_of(clone, ("40000", DEV.encode(), inner)))


def test_a_tree_that_is_a_file(world: World) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"no tree\n")
    tip = committed(clone, tree_of(clone, ("40000", DEV.encode(), blob)))

    with pytest.raises(GitError, match=f"{DEV}: is a blob, not the tree it should be"):
        opened(clone).snapshot(tip)


def test_a_file_that_is_a_tree(world: World) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"x\n")
    wrong = tree_of(clone, ("100644", b"x", blob))
    tip = environment(clone, ("100644", b"auth.deployment", wrong))

    with pytest.raises(GitError, match=r"auth\.deployment: is a tree, not a file"):
        opened(clone).snapshot(tip)


@pytest.mark.parametrize("who", [b"<" * 300_000, b"A <a@b> " + b"9" * 5000 + b" +0000"])
def test_an_author_that_nobody_is(who: bytes) -> None:
    data = b"tree %b\nauthor %b\ncommitter %b\n\nodd\n" % (b"1" * 40, who, who)

    found = parse_commit(Object("2" * 40, "commit", data))

    assert (found.author.name, found.subject) == ("unknown", "odd")


@pytest.mark.parametrize("data", [b"40000", b"40000 x", b"no mode\0short", b"\xff" * 30])
def test_a_tree_that_breaks_off(world: World, data: bytes) -> None:
    clone = world.clone()
    tip = committed(clone, stored(clone, "tree", data))

    with pytest.raises(GitError):
        opened(clone).snapshot(tip)


@pytest.mark.sweep
def test_a_thousand_directories_inside_each_other(world: World) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"x\n")
    tree = tree_of(clone, ("100644", b"x", blob))
    for _ in range(1000):
        tree = tree_of(clone, ("40000", b"d", tree))
    tip = environment(clone, ("40000", b"manifests", tree), ("40000", b"other", tree))

    found = opened(clone).snapshot(tip).environments[DEV]

    assert found.has_manifests


@pytest.fixture
def deepest(world: World) -> Iterator[Path]:
    """Return the last of a thousand directories in the manifests of a clone."""
    top = world.clone() / DEV / "manifests"
    directory = top
    for _ in range(1000):
        directory.mkdir()
        directory /= "d"
    directory.mkdir()
    yield directory
    subprocess.run(["rm", "-r", top], check=True)  # shutil, and so pytest, does not get so deep


def test_a_thousand_directories_on_disk(world: World, deepest: Path) -> None:
    repository = opened(world.directory / "clone")

    assert not repository.worktree_snapshot().environments[DEV].has_manifests, "git keeps none"
    (deepest / "x").write_text("x\n")
    assert repository.worktree_snapshot().environments[DEV].has_manifests


def test_of_large_settings_only_the_beginning_is_read(world: World) -> None:
    tip = world.commit({"gitops.toml": "#" * (MAX_SETTINGS_BYTES + 5000)})
    clone = world.clone()
    repository = opened(clone)

    for snapshot in (repository.snapshot(tip), repository.worktree_snapshot()):
        assert snapshot.settings is not None
        assert len(snapshot.settings.data) == MAX_SETTINGS_BYTES + 1


def test_a_tree_larger_than_any(world: World) -> None:
    clone = world.clone()
    tip = committed(clone, stored(clone, "tree", b"\0" * (MOST_BYTES + 1)))

    with pytest.raises(GitError, match="gitops reads at most"):
        opened(clone).snapshot(tip)


def test_a_name_that_is_not_utf_8(world: World) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"x\n")
    tip = environment(clone, ("100644", b"\xff\xfe.deployment", blob))

    (finding,) = opened(clone).snapshot(tip).environments[DEV].findings

    assert finding.message.startswith("`\\udcff\\udcfe` cannot be the name of a workload")


@pytest.mark.parametrize("name", [b"..", b"../../../out.yaml", b"/out.yaml"])
def test_a_tree_that_leads_out_of_itself(world: World, name: bytes) -> None:
    clone = world.clone()
    blob = stored(clone, "blob", b"x\n")
    manifests = tree_of(clone, ("100644", name, blob))
    tip = environment(clone, ("40000", b"manifests", manifests))

    with pytest.raises(InvalidState, match="has a file of the name"):
        opened(clone).files_below(tip, f"{DEV}/manifests")
