"""kill -9 at every step of a write: the remote is old or new, and the next command works."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.state.test_push import hook
from tests.state.world import (
    AUTH,
    NEW,
    OLD,
    WEB,
    World,
    make_world,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import git

ROOT = Path(__file__).parents[2]
STEPS = 40  # more than any write has; the run that is not killed ends the count
WRAPPER = """\
#!/bin/sh
n=$(($(cat "$STEP_COUNT") + 1))
echo $n > "$STEP_COUNT"
if [ $n = "$KILL_AT" ] && [ "$KILL" = before ]; then kill -9 0; fi
if [ $n = "$KILL_AT" ] && [ "$KILL" = after ]; then {git} "$@"; kill -9 0; fi
exec {git} "$@"
"""


def run(code: str, environment: dict[str, str], *, kill_after: float | None = None) -> int:
    """Run code in a process group of its own, killed after a while; return its status."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from tests.state.world import *; {code}"],
        cwd=ROOT,
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def step_environment(world: World, when: str, step: int) -> dict[str, str]:
    """Return variables that put a git on PATH which kills everybody at one step."""
    bin_directory = world.directory / "bin"
    bin_directory.mkdir(exist_ok=True)
    wrapper = bin_directory / "git"
    wrapper.write_text(WRAPPER.format(git=shutil.which("git")))
    wrapper.chmod(0o755)
    count = world.directory / "count"
    count.write_text("0")
    return {
        "PATH": f"{bin_directory}:{os.environ['PATH']}",
        "STEP_COUNT": str(count),
        "KILL_AT": str(step),
        "KILL": when,
    }


def check(world: World, where: str, done: int, *, deadline: float = 30) -> None:
    """After a kill: the remote is old or new, and a write to another file works at once."""
    git(world.remote, "fsck", "--strict")
    assert done in {0, -signal.SIGKILL}
    value = world.read(path_of(AUTH))
    assert value in {OLD, NEW}
    if done == 0:
        assert value == NEW
    repository = opened_url(world.remote) if where == "url" else opened(Path(where))
    with repository:
        assert repository.write(setting(WEB), timeout=deadline).changed
        assert repository.write(setting(), timeout=deadline).commit == world.tip()
        tip = repository.tip()
        assert tip.commit == world.tip()
        history = list(repository.file_history(path_of(AUTH), start=str(tip.commit)))
        assert [change.new for change in history] == [f"{v}\n".encode() for v in (NEW, OLD)]
    assert (world.read(path_of(AUTH)), world.read(path_of(WEB))) == (NEW, NEW)
    assert world.count() == 3  # nothing twice


def _writing(world: World, where: str) -> str:
    """Return the code of a command that reads, writes and reads history."""
    opening = f"opened_url({str(world.remote)!r})" if where == "url" else f"opened(Path({where!r}))"
    return f"r = {opening}; r.tip(); r.write(setting()); r.fetch_history()"


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("clone", "before"),
        ("clone", "after"),
        ("cold mirror", "before"),
        ("no remote", "before"),
    ],
)
def test_killed_at_each_git_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, when: str
) -> None:
    killed = 0
    for step in range(1, STEPS):
        world = make_world(tmp_path / f"{kind}-{when}-{step}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(world.directory / "cache"))
        where = _prepare(world, kind)
        environment = step_environment(world, when, step)

        done = run(_writing(world, where), environment)

        check(world, where, done)
        killed += done != 0
        if done == 0 and int((world.directory / "count").read_text()) < step:
            break
    else:
        pytest.fail("a write without an end")
    assert killed >= 9


def _prepare(world: World, kind: str) -> str:
    if kind == "clone":
        return str(world.clone())
    if kind == "no remote":
        return str(world.remote)
    return "url"


@pytest.mark.parametrize(
    ("where", "name", "argument"),
    [
        ("clone", "pre-push", ""),
        ("remote", "pre-receive", ""),
        ("remote", "update", ""),
        ("remote", "post-receive", ""),
        ("remote", "post-update", ""),
        ("remote", "reference-transaction", "prepared"),
        ("remote", "reference-transaction", "committed"),
        ("clone", "reference-transaction", "prepared"),
        ("clone", "reference-transaction", "committed"),
        ("clone", "post-merge", ""),
        ("clone", "post-index-change", ""),
    ],
)
def test_killed_inside_git(world: World, where: str, name: str, argument: str) -> None:
    clone = world.clone()
    at = world.remote if where == "remote" else clone / ".git"
    hook(at, name, f'[ "{argument}" = "" ] || [ "$1" = "{argument}" ] || exit 0; kill -9 0')

    done = run(f"opened(Path({str(clone)!r})).write(setting())", {})

    assert done == -signal.SIGKILL
    (at / "hooks" / name).unlink()
    for lock in world.remote.rglob("*.lock"):
        os.utime(lock, (0, 0))  # as if the minute had passed after which it is nobody's
    check(world, str(clone), done)


@pytest.mark.parametrize("kind", ["clone", "cold mirror", "no remote"])
def test_killed_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    chance = random.Random(kind)  # noqa: S311
    for number in range(6):
        world = make_world(tmp_path / f"{kind}-{number}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(world.directory / "cache"))
        where = _prepare(world, kind)

        done = run(_writing(world, where), {}, kill_after=chance.uniform(0.15, 0.6))

        for lock in world.remote.rglob("*.lock"):
            os.utime(lock, (0, 0))
        check(world, where, done)


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
        repository.fetch_history()
        mine = list((mirror / "gitops-live").iterdir())

    assert len(mine) == 1
    assert mine[0] not in left
    assert not (mirror / "shallow").exists()
    assert not list(mirror.rglob("*.lock")) or list(mirror.rglob("*.lock")) == [
        mirror / "gitops.lock"
    ]
