"""kill -9 at every step of a write: the remote is old or new, and the next command works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.state.world import (
    AUTH,
    NEW,
    OLD,
    PROD,
    WEB,
    World,
    make_world,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.forking import run_in_fork
from tests.testbed.git import git

pytestmark = pytest.mark.sweep

ROOT = Path(__file__).parents[2]
CODE = Path(__file__).with_name("code_process.py")
STEPS = 150  # more than any write has; the run that is not killed ends the count
EVERY_STEP = pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])
# Run in the command's process before it; what is killed is its group, so it gets one of its own.
PYTHON_STEP = """\
import os, signal, sys

os.setsid()
CHANGES = {"chmod", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate", "utime"}
log = os.open(os.environ["STEP_LOG"], os.O_RDWR | os.O_APPEND)

def step(event, arguments):
    what = arguments[:1]
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
        if os.fspath(path) == os.devnull or os.path.isdir(path):  # a directory: a nameless file
            return
    elif event == "subprocess.Popen":
        what = arguments[1]
    elif event.removeprefix("os.") not in CHANGES:
        return
    os.write(log, f"{event} {what}\\n".encode())
    if os.pread(log, 1 << 20, 0).count(b"\\n") == int(os.environ["KILL_AT"]):
        os.kill(0, signal.SIGKILL)

sys.addaudithook(step)
"""
_HOOK_STEP = """\
#!/bin/sh
echo "${0##*/} $1" >> "$STEP_LOG"
[ $(wc -l < "$STEP_LOG") -ne "$KILL_AT" ] || kill -9 0
"""
_HOOKS = (
    "pre-push",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",  # once more for each state: prepared, committed, aborted
    "post-checkout",
    "post-merge",
    "post-index-change",
)


class Steps:
    """Counts the steps of a command and kills it, with every git it runs, at one of them.

    A step is what Python is about to change on disk, a git that it is about to start, and each hook
    of git, here and at the remote. What Python does between two steps changes nothing, so "after
    each git" is the same as "before the next step".
    """

    def __init__(self, directory: Path, kill_at: int) -> None:
        self._log = directory / "steps"
        self._log.touch()
        hooks = directory / "every-hook"
        hooks.mkdir()
        for name in _HOOKS:
            (hooks / name).write_text(_HOOK_STEP)
            (hooks / name).chmod(0o755)
        config = directory / "hooks.gitconfig"
        config.write_text(f"[include]\n\tpath = ~/.gitconfig\n[core]\n\thooksPath = {hooks}\n")
        self.environment = {
            "GIT_CONFIG_GLOBAL": str(config),
            "STEP_LOG": str(self._log),
            "KILL_AT": str(kill_at),
        }

    def taken(self) -> list[str]:
        """Return what was done until the end, the step of the kill included."""
        return self._log.read_text().splitlines()


def run(code: str, environment: dict[str, str], before: str = "") -> int:
    """Run code in a process of its own, in which `before` has run; return its status."""
    return run_in_fork(
        CODE,
        [f"from tests.state.world import *; {code}"],
        directory=ROOT,
        environment=os.environ | environment,
        stdin=b"",
        timeout=60,
        before=f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{before}",
    ).code


def let_a_minute_pass(repository: Path) -> None:
    """Make locks that a killed git left there so old that they are nobody's."""
    for lock in repository.rglob("*.lock"):
        os.utime(lock, (0, 0))


def check(world: World, where: str, done: int, begun: int) -> None:
    """After a kill: the remote is old or new, and a write to another file works at once."""
    git(world.remote, "fsck", "--strict")
    assert done in {0, -signal.SIGKILL}
    value = world.read(path_of(AUTH))
    assert value in {OLD, NEW}
    if done == 0:
        assert value == NEW
    repository = opened_url(world.remote) if where == "url" else opened(Path(where))
    with repository:
        assert repository.write(setting(WEB), timeout=30).changed
        assert repository.write(setting(), timeout=30).commit == world.tip()
        tip = repository.tip()
        assert tip.commit == world.tip()
        history = list(repository.past.file_history(path_of(AUTH), start=str(tip.commit)))
        assert [change.new for change in history] == [f"{v}\n".encode() for v in (NEW, OLD)]
    assert (world.read(path_of(AUTH)), world.read(path_of(WEB))) == (NEW, NEW)
    assert world.count() == begun + 2  # nothing twice


def _writing(world: World, where: str) -> str:
    """Return the code of a command that reads, writes and reads history."""
    opening = f"opened_url({str(world.remote)!r})" if where == "url" else f"opened(Path({where!r}))"
    return f"r = {opening}; r.tip(); r.write(setting()); r.past.complete()"


@EVERY_STEP
@pytest.mark.parametrize(
    ("kind", "least"),
    [("clone", 20), ("cold mirror", 20), ("warm mirror", 20), ("no remote", 9)],
)
def test_killed_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, least: int, stride: int
) -> None:
    killed = []
    for step in range(1, STEPS, stride):
        world = make_world(tmp_path / f"{kind}-{step}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(world.directory / "cache"))
        where = _prepare(world, kind)
        begun = world.count()
        steps = Steps(world.directory, step)

        done = run(_writing(world, where), steps.environment, PYTHON_STEP)

        let_a_minute_pass(world.remote)
        check(world, where, done, begun)
        if done == 0:
            break
        assert len(steps.taken()) == step
        killed.append(steps.taken()[-1])
    else:
        pytest.fail("a write without an end")
    assert len(killed) >= least // stride


def _prepare(world: World, kind: str) -> str:
    if kind == "clone":
        return str(world.clone())
    if kind == "no remote":
        return str(world.remote)
    if kind == "warm mirror":
        with opened_url(world.remote) as repository:
            repository.past.complete()
        world.commit({path_of(WEB, PROD): f"{NEW}\n"})
    return "url"


def test_what_dead_processes_leave_in_the_mirror_is_removed(world: World) -> None:
    code = f"r = opened_url({str(world.remote)!r}); r.tip(); import os; os.kill(os.getpid(), 9)"
    assert run(code, {}) == -signal.SIGKILL
    cache = Path(os.environ["XDG_CACHE_HOME"])
    (mirror,) = (cache / "gitops-cli" / "mirrors").glob("*.git")
    aside = mirror.parent / f".{mirror.stem}.dead"
    aside.mkdir()
    left = list((mirror / "gitops-live").iterdir())
    assert len(left) == 1
    (mirror / "refs" / "gitops" / f"{left[0].name}.lock").touch()
    (mirror / "refs/heads/main.lock").touch()
    (mirror / "HEAD.lock").touch()
    (mirror / "shallow.lock").touch()

    with opened_url(world.remote) as repository:
        repository.write(setting())
        repository.past.complete()
        mine = list((mirror / "gitops-live").iterdir())

    assert len(mine) == 1
    assert mine[0] not in left
    assert not (mirror / "shallow").exists()
    assert not list(mirror.rglob("*.lock")) or list(mirror.rglob("*.lock")) == [
        mirror / "gitops.lock"
    ]
