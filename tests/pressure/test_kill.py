"""kill -9 at every step of a whole command: the remote is old or new, and the next one works.

tests/state/test_kill.py kills one write at more places; here the commands around it are killed too.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.state.test_kill import EVERY_STEP, PYTHON_STEP, STEPS, Steps, let_a_minute_pass
from tests.state.world import NEW, OLD, OTHER, PROD, World, make_world, path_of
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, gitops_with_home

pytestmark = pytest.mark.sweep

PROMOTE = ("promote", "auth", "--from", "dev", "--to", "prod", "--yes")
ROLLBACK = ("rollback", "auth", "-e", "dev", "--yes")


def promoted(world: World) -> str:
    return world.read(path_of("auth", PROD))


def rolled_back(world: World) -> str:
    return world.read(path_of("auth"))


@EVERY_STEP
@pytest.mark.parametrize(
    ("arguments", "where"),
    [(PROMOTE, "clone"), (ROLLBACK, "mirror")],
    ids=["promote in a clone", "roll back through a mirror"],
)
def test_at_each_step(tmp_path: Path, arguments: tuple[str, ...], where: str, stride: int) -> None:
    killed = []
    for step in range(1, STEPS, stride):
        world = make_world(tmp_path / str(step))
        world.commit({path_of("auth"): f"{NEW}\n"})
        gitops = gitops_with_home(world.directory / "home")
        gitops = gitops.at(world.clone()) if where == "clone" else through_mirror(gitops, world)
        steps = Steps(world.directory, step)

        code = gitops.using(**steps.environment).after(PYTHON_STEP)(*arguments).code

        let_a_minute_pass(world.remote)
        check(world, gitops, arguments, code)
        if code == 0:
            break
        assert len(steps.taken()) == step
        killed.append(steps.taken()[-1])
    else:
        pytest.fail("a command without an end")
    assert len(killed) >= 20 // stride


def through_mirror(gitops: Gitops, world: World) -> Gitops:
    return gitops.at(world.directory).using(GITOPS_REPO=f"file://{world.remote}")


def check(world: World, gitops: Gitops, arguments: tuple[str, ...], code: int) -> None:
    """After a kill: the remote is old or new, and the same command does the rest, once."""
    read, old, new = (promoted, OLD, NEW) if arguments == PROMOTE else (rolled_back, NEW, OLD)
    assert code in {0, -signal.SIGKILL}
    git(world.remote, "fsck", "--strict")
    assert read(world) in {old, new}
    if code == 0:
        assert read(world) == new
    done = read(world) == new
    gitops("set", f"web={OTHER}", "-e", "dev", "--timeout", "2m").ok()
    if not done:
        gitops(*arguments, "--timeout", "2m").ok()
    assert read(world) == new
    assert world.read(path_of("web")) == OTHER
    assert world.count() == 4, "nothing twice"
