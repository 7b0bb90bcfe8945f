"""What goes wrong around a write: one message, its exit code, nothing half written.

What the commands make of the faults of tests/state/test_{local,remote}_faults.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.state.http_remote import HttpRemote
from tests.state.test_local_faults import fill_up
from tests.state.test_push import hook
from tests.state.world import NEW, OTHER, World, fingerprint, make_world, path_of
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

pytestmark = pytest.mark.sweep

COMMANDS = {
    "set": ("set", f"auth={OTHER}", "-e", "dev"),
    "promote": ("promote", "auth", "--to", "prod", "--yes"),
    "rollback": ("rollback", "auth", "-e", "dev", "--yes"),
    "lock": ("lock", "auth", "-e", "dev", "-m", "why"),
}
every_command = pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
Command = tuple[str, ...]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a remote with something to promote and to roll back."""
    world = make_world(tmp_path / "world")
    world.commit({path_of("auth"): f"{NEW}\n"})
    return world


@pytest.fixture
def http(world: World) -> Iterator[HttpRemote]:
    """Return an HTTP server for the world's remote."""
    git(world.remote, "config", "http.receivepack", "true")
    with HttpRemote(world.directory) as server:
        yield server


def refuses(
    gitops: Gitops, clone: Path, world: World, arguments: Command, code: ExitCode, said: str
) -> None:
    """Run a command that must fail with one message, and leave remote and clone as they are."""
    before = fingerprint(clone, objects=False)
    refs = git(world.remote, "for-each-ref") if world.remote.exists() else ""

    ran = gitops.at(clone)(*arguments, "--timeout", "3s", "-o", "json")

    assert ran.code == code, ran
    assert ran.stdout == "", ran
    error = json.loads(ran.stderr[ran.stderr.index("{") :])  # after notes of waiting
    assert (error["kind"], error["exit_code"]) == ("error", code), ran
    assert said in error["message"], ran
    assert fingerprint(clone, objects=False) == before
    if world.remote.exists():
        assert git(world.remote, "for-each-ref") == refs
        git(world.remote, "fsck", "--strict")
    if clone.is_dir() and os.access(clone, os.W_OK):
        git(clone, "fsck", "--strict")


@every_command
def test_a_server_hook_that_refuses(world: World, gitops: Gitops, arguments: Command) -> None:
    hook(world.remote, "pre-receive", "echo 'no deploys on Fridays'; exit 1")

    refuses(gitops, world.clone(), world, arguments, ExitCode.GIT, "no deploys on Fridays")


def test_a_protected_branch(world: World, gitops: Gitops) -> None:
    hook(world.remote, "update", "echo 'GH006: Protected branch update failed'; exit 1")

    refuses(
        gitops, world.clone(), world, COMMANDS["promote"], ExitCode.GIT, "GH006: Protected branch"
    )


def test_a_hook_of_the_user(world: World, gitops: Gitops) -> None:
    clone = world.clone()
    hook(clone / ".git", "pre-push", "echo 'tests are red' >&2; exit 1")

    refuses(gitops, clone, world, COMMANDS["set"], ExitCode.GIT, "tests are red")


@every_command
def test_an_expired_credential(
    world: World, http: HttpRemote, gitops: Gitops, arguments: Command
) -> None:
    http.password = "new"
    clone = world.clone()
    url = http.url("remote.git", "ci:old-secret@")
    git(clone, "remote", "set-url", "origin", url)

    refuses(gitops, clone, world, arguments, ExitCode.DENIED, "Authentication failed")

    ran = gitops.at(clone)(*arguments)
    assert "old-secret" not in ran.stdout + ran.stderr


@every_command
def test_who_may_read_only(
    world: World, http: HttpRemote, gitops: Gitops, arguments: Command
) -> None:
    git(world.remote, "config", "http.receivepack", "false")
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", http.url("remote.git"))

    refuses(gitops, clone, world, arguments, ExitCode.DENIED, "403")


@every_command
def test_a_remote_that_is_gone(world: World, gitops: Gitops, arguments: Command) -> None:
    clone = world.clone()
    world.remote.rename(world.directory / "gone")

    refuses(gitops, clone, world, arguments, ExitCode.GIT, str(world.remote))


def test_a_remote_that_vanishes_after_the_fetch(world: World, gitops: Gitops) -> None:
    """Between what a promotion shows and its push."""
    clone = world.clone()
    hook(clone / ".git", "pre-push", f"rm -rf {world.remote}")

    refuses(gitops, clone, world, COMMANDS["promote"], ExitCode.GIT, str(world.remote))


def test_a_lock_that_a_killed_git_left_a_moment_ago(world: World, gitops: Gitops) -> None:
    """After a minute it is nobody's; the time that a command has by default is longer."""
    lock, left_at = world.remote / "refs/heads/main.lock", time.time() - 45
    lock.touch()
    os.utime(lock, (left_at, left_at))

    ran = gitops.at(world.clone())(*COMMANDS["set"], timeout=300).ok()

    assert f"waiting for {lock}" in ran.stderr
    assert not lock.exists()
    assert world.read(path_of("auth")) == OTHER


@pytest.mark.node
@every_command
def test_a_clone_that_is_read_only(
    world: World, gitops: Gitops, tmp_path: Path, arguments: Command
) -> None:
    """A read-only mount, as CI systems and containers give; root too may not write there."""
    clone = world.clone()
    with mounted(clone, "--bind", str(clone)):
        subprocess.run(["mount", "-o", "remount,bind,ro", clone], check=True)
        refuses(gitops, clone, world, arguments, ExitCode.DENIED, "Read-only file system")


@pytest.mark.node
@every_command
def test_a_full_disk(world: World, gitops: Gitops, tmp_path: Path, arguments: Command) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=4m", "none"):
        git(disk, "clone", "-q", str(world.remote), "clone")
        fill_up(disk / "fill")
        refuses(gitops, disk / "clone", world, arguments, ExitCode.GIT, "disk is full")
        (disk / "fill").unlink()
        gitops.at(disk / "clone")(*arguments).ok()


@pytest.mark.node
@every_command
def test_a_full_disk_under_the_mirror(world: World, gitops: Gitops, arguments: Command) -> None:
    cache = gitops.home / "cache"
    here = (*arguments, "-R", f"file://{world.remote}")
    with mounted(cache, "-t", "tmpfs", "-o", "size=4m", "none"):
        gitops("status", "-R", f"file://{world.remote}").ok()
        world.commit({path_of("web"): f"{OTHER}\n"})
        fill_up(cache / "fill")
        refuses(gitops, world.clone(), world, here, ExitCode.GIT, "disk is full")
        (cache / "fill").unlink()
        gitops(*here).ok()


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[None]:
    """Mount something at a directory for a while."""
    subprocess.run(["mount", *options, where], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", where], check=True)
