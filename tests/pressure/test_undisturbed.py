"""Whatever a command does, the user's files, index, stash and refs stay byte for byte the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state.test_undisturbed import make_messy
from tests.state.world import NEW, OTHER, PROD, World, fingerprint, make_world, path_of
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

SET = ("set", f"auth={OTHER}", "-e", "dev")
WRITING = {
    "set": SET,
    "set several": ("set", f"auth={OTHER}", f"web={OTHER}", "-e", "dev"),
    "promote": ("promote", "auth", "--from", "dev", "--to", "prod", "--yes"),
    "promote all": ("promote", "--all", "--to", "prod", "--yes"),
    "rollback": ("rollback", "auth", "-e", "dev", "--yes"),
    "rollback and hold": ("rollback", "auth", "-e", "dev", "--hold", "--yes", "-m", "why"),
    "lock": ("lock", "auth", "-e", "dev", "-m", "why"),
    "unlock": ("unlock", "web", "-e", "prod"),
    "env add": ("env", "add", "shop-staging", "--images-path", "registry.example.com/shop/"),
    "env copy": ("env", "copy", "dev", "shop-staging"),
    "promote by a branch": ("promote", "auth", "--to", "prod", "--pr", "--yes"),
}
READING = {
    "status": ("status",),
    "history": ("history",),
    "history of a service": ("history", "auth", "-e", "dev"),
    "validate": ("validate",),
    "validate --staged": ("validate", "--staged"),
    "env list": ("env", "list"),
    "config list": ("config", "list", "--show-origin"),
    "doctor": ("doctor",),
    "offline": ("status", "--offline"),
    "set --dry-run": (*SET, "--dry-run"),
    "promote --dry-run": ("promote", "auth", "--to", "prod", "--dry-run"),
    "rollback --dry-run": ("rollback", "auth", "-e", "dev", "--dry-run"),
    "lock --dry-run": ("lock", "-e", "dev", "-m", "why", "--dry-run"),
    "set again": ("set", f"auth={NEW}", "-e", "dev"),
    "set what is locked": ("set", f"web={NEW}", "-e", "prod"),
    "set nonsense": ("set", "auth=nonsense", "-e", "dev"),
    "promote nothing": ("promote", "web", "--to", "prod", "--yes"),
    "promote backwards": ("promote", "nothing", "--to", "nowhere"),
    "diff without a cluster": ("diff",),
    "sync without a cluster": ("sync", "--all"),
}
REMEMBERED = {".git/refs/remotes/origin/main", ".git/logs/refs/remotes/origin/main"}
"""What `git push` would have noted too: where the remote's branch is."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a remote with something to promote, to roll back and to unlock."""
    world = make_world(tmp_path / "world")
    world.commit({path_of("auth"): f"{NEW}\n", f"{PROD}/web.lock": 'by = "Ada"\nreason = "why"\n'})
    return world


@pytest.fixture
def messy(world: World) -> Path:
    """Return a clone with modified, staged, deleted, new, untracked and stashed work, which is
    behind the remote.
    """
    clone = world.clone()
    make_messy(clone)
    world.commit({"notes.txt": "not for environments\n"})
    return clone


def changed(before: dict[str, str], clone: Path) -> set[str]:
    after = fingerprint(clone, objects=False)
    return {path for path in before | after if before.get(path) != after.get(path)}


@pytest.mark.parametrize("arguments", WRITING.values(), ids=WRITING)
def test_writing(world: World, messy: Path, gitops: Gitops, arguments: tuple[str, ...]) -> None:
    before, refs = fingerprint(messy, objects=False), git(world.remote, "for-each-ref")

    gitops.at(messy)(*arguments).ok()

    assert git(world.remote, "for-each-ref") != refs, "something was written"
    assert changed(before, messy) <= REMEMBERED


@pytest.mark.parametrize("arguments", READING.values(), ids=READING)
def test_reading_and_what_is_refused(
    world: World, messy: Path, gitops: Gitops, arguments: tuple[str, ...]
) -> None:
    before, remote = fingerprint(messy, objects=False), fingerprint(world.remote)

    ran = gitops.at(messy)(*arguments)

    assert ran.code in (0, 1, 2, 6), ran
    assert changed(before, messy) == set()
    assert fingerprint(world.remote) == remote
