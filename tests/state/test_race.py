"""Many writers at once: nothing is lost, nothing is done twice, nobody disturbs anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.git.cache import cache_directory
from gitops_cli.git.mirror import mirror_path
from tests.state.world import PROD, World, path_of
from tests.testbed.git import git

ROOT = Path(__file__).parents[2]


def start(where: str, service: str, value: str) -> subprocess.Popen[bytes]:
    """Start one writer."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.state.writer_process", where, service, value],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def results(writers: list[subprocess.Popen[bytes]]) -> list[dict[str, Any]]:
    """Wait for all writers; each must have succeeded."""
    found = []
    for writer in writers:
        out, err = writer.communicate(timeout=400)
        assert writer.returncode == 0, f"{out.decode()} {err.decode()}"
        found.append(json.loads(out))
    return found


def hash_of(number: int) -> str:
    return f"{number:040x}"


def check(world: World, done: list[dict[str, Any]], count: int, before: int) -> None:
    """Compare what the writers said with what the remote holds."""
    for number in range(count):
        assert world.read(path_of(f"service-{number}")) == hash_of(number)
    made = git(world.remote, "log", "--format=%H", f"-{world.count() - before}").split()
    assert sorted(made) == sorted(each["commit"] for each in done)
    assert all(each["changed"] for each in done)
    assert len(made) == count
    assert git(world.remote, "rev-list", "--merges", "main") == ""
    assert git(world.remote, "rev-list", "--first-parent", "--count", "main") == str(world.count())
    shared = git(world.remote, "log", "--format=%H", "--", path_of("auth", PROD)).split()
    assert len(shared) == 2  # begun once and promoted once, by whoever came first
    git(world.remote, "fsck", "--strict")


@pytest.mark.parametrize("count", [2, 50])
def test_writers_with_a_clone_each(world: World, count: int) -> None:
    world.commit({path_of("auth"): hash_of(999) + "\n"})
    clones = [world.clone(f"clone-{number}") for number in range(count)]
    before = world.count()

    writers = [
        start(str(clone), f"service-{number}", hash_of(number))
        for number, clone in enumerate(clones)
    ]
    done = results(writers)

    check(world, done, count, before)
    assert all(each["notes"] == [] for each in done)


@pytest.mark.parametrize("count", [2, 50])
def test_writers_through_one_mirror(world: World, count: int) -> None:
    world.commit({path_of("auth"): hash_of(999) + "\n"})
    before = world.count()

    writers = [
        start(f"url:{world.remote}", f"service-{number}", hash_of(number))
        for number in range(count)
    ]
    done = results(writers)

    check(world, done, count, before)
    mirror = mirror_path(cache_directory(os.environ), str(world.remote))
    assert list((mirror / "gitops-live").iterdir()) == []
    assert list((mirror / "refs" / "gitops").iterdir()) == []
    left = sorted(path.name for path in mirror.parent.iterdir())
    assert left == [mirror.name, f"{mirror.stem}.lock"]
    git(mirror, "fsck", "--strict")
