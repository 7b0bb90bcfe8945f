"""A long fetch tells how far it is; GitPython hears it, under the rules of our own git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_cli.domain.errors import GitError, RemoteUnreachable
from gitops_cli.domain.progress import HowFar
from gitops_cli.git.environment import git_environment
from gitops_cli.git.mirror import open_mirror
from tests.state.world import World, make_world
from tests.testbed.git import Commit, add_commits, git


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a remote with enough history to be counted."""
    world = make_world(tmp_path / "world")
    add_commits(
        world.remote,
        [Commit(f"note {n}", {"notes.txt": f"{n}\n"}, 1_700_000_000 + n) for n in range(300)],
    )
    return world


def url(world: World) -> str:
    return f"file://{world.remote}"


def test_a_clone_and_its_completion_tell_how_far_they_are(world: World, tmp_path: Path) -> None:
    heard: list[HowFar | None] = []

    mirror, made = open_mirror(
        tmp_path, url(world), git_environment(), offline=False, timeout=60, watch=heard.append
    )
    assert (made, mirror.is_shallow) == (True, True)
    mirror.complete(timeout=60)

    stages = [stage for stage in heard if stage is not None]
    assert not mirror.is_shallow
    assert {"counting objects", "receiving objects"} <= {stage.doing for stage in stages}
    assert any(stage.done == stage.total for stage in stages)
    assert heard[-1] is None, "the end is told"


def test_it_tells_that_the_server_looks_for_objects(world: World, tmp_path: Path) -> None:
    """Before it can count them, which GitPython takes for no progress."""
    heard: list[HowFar | None] = []
    slow = tmp_path / "ssh"
    said = "remote: Enumerating objects: 190189        "
    slow.write_text(f"#!/bin/sh\nprintf '%s\\r' '{said}' >&2\neval \"$2\"\n")
    slow.chmod(0o755)
    environment = {**git_environment(), "GIT_SSH_COMMAND": str(slow), "GIT_SSH_VARIANT": "simple"}
    there = f"ssh://example.com{world.remote}"

    open_mirror(tmp_path, there, environment, offline=False, timeout=60, watch=heard.append)

    assert heard[0] == HowFar("waiting for the remote", 0, None)
    assert HowFar("looking for objects", 190189, None) in heard


def test_it_has_our_environment_and_options(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    git(tmp_path, "config", "-f", str(tmp_path / "config"), "core.hooksPath", str(hook.parent))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    before = dict(os.environ)

    mirror, _ = open_mirror(
        tmp_path / "cache",
        url(world),
        git_environment(),
        offline=False,
        timeout=60,
        watch=lambda stage: None,
    )
    mirror.complete(timeout=60)

    assert not ran.exists(), "a mirror runs no hooks"
    assert dict(os.environ) == before


def test_a_failure_is_told_in_gits_words(tmp_path: Path) -> None:
    with pytest.raises((RemoteUnreachable, GitError), match=r"does not appear|not found|no such"):
        open_mirror(
            tmp_path,
            f"file://{tmp_path}/nothing.git",
            git_environment(),
            offline=False,
            timeout=60,
            watch=lambda stage: None,
        )


def test_it_ends_at_its_time(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    environment = {**git_environment(), "GIT_SSH_COMMAND": str(slow), "GIT_SSH_VARIANT": "simple"}

    with pytest.raises(RemoteUnreachable, match="not done within"):
        open_mirror(
            tmp_path,
            "ssh://example.com/state.git",
            environment,
            offline=False,
            timeout=1.5,
            watch=lambda stage: None,
        )
