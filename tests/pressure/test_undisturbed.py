"""Whatever a command does, the user's files, index, stash and refs stay byte for byte the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import PROD as PRODUCTION
from tests.cli.test_calls import CALLS, call_of
from tests.state.test_undisturbed import make_messy
from tests.state.world import NEW, OTHER, PROD, World, fingerprint, make_world, path_of
from tests.testbed.article import build
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

pytestmark = pytest.mark.sweep

SET = ("set", f"auth={OTHER}", "-e", "dev")
WRITING = {
    "set": SET,
    "set several": ("set", f"auth={OTHER}", f"web={OTHER}", "-e", "dev"),
    "promote": ("promote", "auth", "--from", "dev", "--to", "prod", "--yes"),
    "promote all": ("promote", "--all", "--to", "prod", "--yes"),
    "rollback": ("rollback", "auth", "-e", "dev", "--yes"),
    "rollback and hold": ("rollback", "auth", "-e", "dev", "--hold", "--yes", "-m", "why"),
    "remove": ("remove", "auth", "-e", "dev", "--yes"),
    "lock": ("lock", "auth", "-e", "dev", "-m", "why"),
    "unlock": ("unlock", "web", "-e", "prod"),
    "env add": ("env", "add", "shop-staging", "--images-path", "registry.example.com/shop/"),
    "env copy": ("env", "copy", "dev", "shop-staging"),
    "promote by a branch": ("promote", "auth", "--to", "prod", "--pr", "--yes"),
}
READING = {
    "status": (0, "status"),
    "offline": (0, "status", "--offline"),
    "history": (0, "history"),
    "history of a service": (0, "history", "auth", "-e", "dev"),
    "log": (0, "log"),
    "validate": (1, "validate"),
    "validate --staged": (1, "validate", "--staged"),
    "lint": (1, "lint"),
    "env list": (0, "env", "list"),
    "env add --dry-run": (0, "env", "add", "shop-staging", "--images-path", "x/", "--dry-run"),
    "config list": (0, "config", "list", "--show-origin"),
    "doctor": (0, "doctor"),
    "help": (0, "help", "exit-codes"),
    "version": (0, "version"),
    "set --dry-run": (0, *SET, "--dry-run"),
    "promote --dry-run": (0, "promote", "auth", "--to", "prod", "--dry-run"),
    "rollback --dry-run": (0, "rollback", "auth", "-e", "dev", "--dry-run"),
    "lock --dry-run": (0, "lock", "-e", "dev", "-m", "why", "--dry-run"),
    "unlock --dry-run": (0, "unlock", "web", "-e", "prod", "--dry-run"),
    "set again": (0, "set", f"auth={NEW}", "-e", "dev"),
    "set what is locked": (6, "set", f"web={NEW}", "-e", "prod"),
    "set nonsense": (6, "set", "auth=nonsense", "-e", "dev"),
    "promote nothing": (0, "promote", "web", "--to", "prod", "--yes"),
    "promote nowhere": (2, "promote", "nothing", "--to", "nowhere"),
    "roll back to nothing": (2, "rollback", "web", "-e", "dev", "--yes"),
    "release of no service": (2, "release", "-e", "dev"),
    "init where one is": (2, "init", "."),
    "diff without a cluster": (2, "diff"),
    "sync without a cluster": (2, "sync", "--all"),
    "wait without a cluster": (2, "wait", "dev"),
    "watch without a cluster": (2, "watch", "dev"),
    "capture without a cluster": (2, "capture", "dev"),
    "agent without a cluster": (2, "agent", "status"),
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


@pytest.mark.parametrize(
    ("code", "arguments"), [(code, words) for code, *words in READING.values()], ids=READING
)
def test_reading_and_what_is_refused(
    world: World, messy: Path, gitops: Gitops, code: int, arguments: list[str]
) -> None:
    before, remote = fingerprint(messy, objects=False), fingerprint(world.remote)

    ran = gitops.at(messy)(*arguments)

    assert ran.code == code, ran
    assert changed(before, messy) == set()
    assert fingerprint(world.remote) == remote


@pytest.mark.parametrize("command", sorted(CALLS.keys() - {"watch", "wait"}))
def test_a_call_that_changes_nothing(gitops: Gitops, tmp_path: Path, command: str) -> None:
    here = build(tmp_path / "article").clone()
    (here / "untracked.txt").write_text("u\n")
    (here / PRODUCTION / "billing.deployment").write_text("modified\n")
    before = fingerprint(here, objects=False)

    gitops.at(here)(*command.split(), *call_of(command).arguments)

    assert changed(before, here) == set()
