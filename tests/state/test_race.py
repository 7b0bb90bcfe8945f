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

pytestmark = pytest.mark.sweep

ROOT = Path(__file__).parents[2]
# Each of fifty tries again when another was faster: most of their time is that, and make test-long.
few_or_many = pytest.mark.parametrize(
    "count", [2, 12, pytest.param(50, marks=[pytest.mark.long, pytest.mark.xdist_group("fifty")])]
)


def race(jobs: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Let writers go all at once; return what came of each, which must be a commit."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.state.writer_process"],
        cwd=ROOT,
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    for result in results:
        assert "error" not in result, result
    return results


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


@few_or_many
def test_writers_with_a_clone_each(world: World, count: int) -> None:
    world.commit({path_of("auth"): hash_of(999) + "\n"})
    clones = [world.clone(f"clone-{number}") for number in range(count)]
    before = world.count()

    done = race(
        [(str(clone), f"service-{number}", hash_of(number)) for number, clone in enumerate(clones)]
    )

    check(world, done, count, before)
    assert all(each["notes"] == [] for each in done)


@few_or_many
def test_writers_through_one_mirror(world: World, count: int) -> None:
    world.commit({path_of("auth"): hash_of(999) + "\n"})
    before = world.count()

    done = race(
        [(f"url:{world.remote}", f"service-{number}", hash_of(number)) for number in range(count)]
    )

    check(world, done, count, before)
    mirror = mirror_path(cache_directory(os.environ), str(world.remote))
    assert list((mirror / "gitops-live").iterdir()) == []
    assert list((mirror / "refs" / "gitops").iterdir()) == []
    left = sorted(path.name for path in mirror.parent.iterdir())
    assert left == [mirror.name, f"{mirror.stem}.lock"]
    git(mirror, "fsck", "--strict")
