"""What belongs to the user stays as it is: files, index, stash, refs, whatever is under way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.state.test_push import hook
from tests.state.world import (
    AUTH,
    FILES,
    NEW,
    OTHER,
    WEB,
    World,
    fingerprint,
    opened,
    path_of,
    setting,
)
from tests.testbed.git import git

LOCKS = (
    "index.lock",
    "HEAD.lock",
    "refs/heads/main.lock",
    "refs/remotes/origin/main.lock",
    "packed-refs.lock",
    "shallow.lock",
    "config.lock",
    "FETCH_HEAD.lock",
)


def make_messy(clone: Path) -> None:
    """Leave modified, staged, deleted, untracked and stashed work behind."""
    (clone / path_of(WEB)).write_text("stashed\n")
    git(clone, "stash", "-q")
    (clone / path_of(AUTH)).write_text("modified\n")
    (clone / path_of(WEB)).write_text("staged\n")
    git(clone, "add", path_of(WEB))
    (clone / path_of(WEB)).write_text("and modified again\n")
    (clone / path_of(WEB, "shop-production")).unlink()
    (clone / "untracked.txt").write_text("u\n")
    (clone / "new.txt").write_text("intent to add\n")
    git(clone, "add", "-N", "new.txt")


def without(found: dict[str, str], *names: str) -> dict[str, str]:
    return {path: digest for path, digest in found.items() if not path.endswith(names)}


def test_a_messy_clone_is_byte_for_byte_the_same(world: World) -> None:
    clone = world.clone()
    make_messy(clone)
    before = fingerprint(clone, objects=False)

    written = opened(clone).write(setting())

    assert world.tip() == written.commit
    assert len(written.notes) == 1
    remembered = (".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main")
    after = fingerprint(clone, objects=False)
    assert without(after, *remembered) == without(before, *remembered)


def test_reading_changes_nothing_but_objects(world: World) -> None:
    clone = world.clone()
    make_messy(clone)
    world.commit({path_of(AUTH): f"{OTHER}\n"})
    before = fingerprint(clone, objects=False)
    repository = opened(clone)

    tip = repository.tip()
    repository.snapshot(tip.commit)
    repository.worktree_snapshot()
    repository.index_snapshot()
    list(repository.past.file_history(path_of(AUTH), start=str(tip.commit)))
    repository.past.last_changes([path_of(AUTH)], tip=str(tip.commit))

    assert tip.commit == world.tip()
    assert fingerprint(clone, objects=False) == before


def test_a_refused_write_changes_nothing_but_objects(world: World) -> None:
    clone = world.clone()
    make_messy(clone)
    hook(world.remote, "pre-receive", "exit 1")
    before = fingerprint(clone, objects=False)

    with pytest.raises(Exception, match="refused"):
        opened(clone).write(setting())

    assert fingerprint(clone, objects=False) == before


def test_lock_files_of_dead_processes_do_not_block(world: World) -> None:
    clone = world.clone()
    world.commit({path_of(WEB): f"{OTHER}\n"})
    for lock in LOCKS:
        (clone / ".git" / lock).touch()

    written = opened(clone).write(setting())

    assert world.tip() == written.commit
    assert opened(clone).tip().commit == written.commit
    assert len(written.notes) == 1


def test_split_index_and_sparse_checkout_are_left_alone(world: World) -> None:
    clone = world.clone()
    git(clone, "sparse-checkout", "set", "shop-production")
    git(clone, "config", "core.splitIndex", "true")
    git(clone, "config", "core.untrackedCache", "true")
    (clone / "shop-production" / "web.deployment").write_text("dirty\n")
    before = fingerprint(clone, objects=False)

    opened(clone).write(setting())

    changed = {p for p, d in fingerprint(clone, objects=False).items() if before.get(p) != d}
    assert changed == {".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main"}


def test_a_detached_head_stays(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "--detach")
    at = git(clone, "rev-parse", "HEAD")

    written = opened(clone).write(setting())

    assert (world.tip(), written.notes) == (written.commit, ())
    assert git(clone, "rev-parse", "HEAD", "main").split() == [at, at]
    assert git(clone, "rev-parse", "origin/main") == written.commit


def test_another_branch_without_upstream_writes_the_remotes_default(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "feature")
    at = git(clone, "rev-parse", "HEAD")
    repository = opened(clone)

    written = repository.write(setting())

    assert (repository.branch, world.tip()) == ("main", written.commit)
    assert git(clone, "rev-parse", "feature", "main").split() == [at, at]
    assert (clone / path_of(AUTH)).read_text() == FILES[path_of(AUTH)]


def test_the_upstream_of_the_branch_decides(world: World) -> None:
    git(world.remote, "branch", "states", "main")
    clone = world.clone("clone", "-b", "states")
    main = world.tip()

    written = opened(clone).write(setting())

    assert (world.tip("states"), world.tip("main")) == (written.commit, main)


def test_a_merge_under_way_is_not_touched(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "side")
    (clone / path_of(AUTH)).write_text("side\n")
    git(clone, "commit", "-q", "-am", "side")
    git(clone, "switch", "-q", "main")
    git(clone, "merge", "-q", "--no-commit", "--no-ff", "side")
    before = fingerprint(clone, objects=False)

    written = opened(clone).write(setting(WEB))

    assert "a merge is under way" in written.notes[0]
    changed = {p for p, d in fingerprint(clone, objects=False).items() if before.get(p) != d}
    assert changed == {".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main"}


def test_a_rebase_under_way_is_not_touched(world: World) -> None:
    clone = world.clone()
    (clone / path_of(AUTH)).write_text("mine\n")
    git(clone, "commit", "-q", "-am", "mine")
    world.commit({path_of(AUTH): f"{OTHER}\n"})
    git(clone, "fetch", "-q")
    rebase = subprocess.run(["git", "rebase", "-q", "origin/main"], cwd=clone, check=False)
    assert rebase.returncode != 0
    before = fingerprint(clone, objects=False)

    written = opened(clone).write(setting(WEB))

    assert world.tip() == written.commit
    changed = {p for p, d in fingerprint(clone, objects=False).items() if before.get(p) != d}
    assert changed == {".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main"}


def test_an_untracked_file_in_the_way_is_kept(world: World) -> None:
    clone = world.clone()
    world.commit({"shop-production/extra.deployment": f"{OTHER}\n"})
    (clone / "shop-production" / "extra.deployment").write_text("mine\n")

    written = opened(clone).write(setting())

    assert (clone / "shop-production" / "extra.deployment").read_text() == "mine\n"
    assert "stays where it is" in written.notes[0]


def test_a_linked_worktree(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "elsewhere")
    linked = world.directory / "linked"
    git(clone, "worktree", "add", "-q", str(linked), "main")

    written = opened(linked).write(setting())

    assert git(linked, "rev-parse", "HEAD") == written.commit
    assert git(linked, "status", "--porcelain") == ""
    assert (clone / path_of(AUTH)).read_text() == FILES[path_of(AUTH)]


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"])
def test_variables_of_a_surrounding_git_do_not_lead_astray(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    clone, elsewhere = world.clone(), tmp_path / "elsewhere"
    git(tmp_path, "init", "-q", str(elsewhere))
    before = fingerprint(elsewhere)
    monkeypatch.setenv(variable, str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere / ".git/index"))

    written = opened(clone).write(setting())

    assert world.read(path_of(AUTH)) == NEW
    assert fingerprint(elsewhere) == before
    assert written.notes == ()


def test_from_inside_a_hook(world: World) -> None:
    clone = world.clone()
    script = (
        f"exec {sys.executable} -c '"
        "from pathlib import Path; from tests.state.world import *; "
        "opened(Path()).write(setting())'"
    )
    hook(clone / ".git", "pre-commit", script)
    (clone / "file").write_text("x\n")
    git(clone, "add", "file")

    git(clone, "commit", "-q", "-m", "with a hook", env={"PYTHONPATH": str(Path.cwd())})

    assert world.read(path_of(AUTH)) == NEW
    assert git(clone, "show", "--stat", "--format=", "HEAD").split()[0] == "file"
