"""Connections that a busy server drops are made again; what is wrong for good is not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gitops_cli.domain.errors import RemoteUnreachable, TimedOut
from gitops_cli.git.patience import insist
from gitops_cli.git.process import Done
from tests.state.world import (
    AUTH,
    OTHER,
    WEB,
    World,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import git
from tests.testbed.patience import HANGING

DROPPED = "kex_exchange_identification: Connection closed by remote host"
REFUSED = "ssh: connect to host example.com port 22: Connection refused"
SSH = """\
#!/bin/sh
# What ssh does, on this machine; some connections fail.
echo connected >> {log}
number=$(wc -l < {log})
if [ "$number" -gt {working} ] && [ "$number" -le {last} ]; then echo "{says}" >&2; exit 255; fi
while [ "$1" != example.com ]; do shift; done
eval "$2"
"""


def ssh(
    world: World, monkeypatch: pytest.MonkeyPatch, *, failing: int, says: str, working: int = 0
) -> Path:
    """Put an ssh in place of which some connections fail after those that work; return its log,
    one line for each.
    """
    log, command = world.directory / "connections", world.directory / "ssh"
    command.write_text(SSH.format(log=log, working=working, last=working + failing, says=says))
    command.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(command))
    return log


def test_reading_a_clone_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", f"ssh://example.com{world.remote}")
    log = ssh(world, monkeypatch, failing=2, says=DROPPED)

    assert opened(clone).tip().commit == world.tip()
    assert len(log.read_text().splitlines()) == 3


def test_a_proposal_on_a_branch_of_its_own_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", f"ssh://example.com{world.remote}")
    log = ssh(world, monkeypatch, working=2, failing=2, says=DROPPED)

    written = opened(clone).write_aside("proposal", setting())

    assert (written.changed, written.commit) == (True, world.tip("proposal"))
    assert len(log.read_text().splitlines()) == 5, "two looks, and the third push"


def test_making_a_mirror_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(world, monkeypatch, failing=2, says=DROPPED)

    with opened_url(f"ssh://example.com{world.remote}") as repository:
        assert repository.write(setting()).commit == world.tip()


def test_it_ends_with_the_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", f"ssh://example.com{world.remote}")
    log = ssh(world, monkeypatch, failing=1000, says=DROPPED)
    begun = time.monotonic()

    with pytest.raises(RemoteUnreachable, match="Connection closed"):
        opened(clone).tip(timeout=3)

    assert time.monotonic() - begun < HANGING
    assert len(log.read_text().splitlines()) > 1


def test_a_last_try_without_time_hides_no_reason() -> None:
    tries = 0

    def run(seconds: float) -> Done:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise TimedOut("no answer")
        return Done(128, b"", DROPPED)

    assert insist(run, timeout=60).err == DROPPED
    assert tries == 2


def test_what_is_wrong_for_good_is_said_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", f"ssh://example.com{world.remote}")
    log = ssh(world, monkeypatch, failing=1000, says=REFUSED)

    with pytest.raises(RemoteUnreachable, match="Connection refused"):
        opened(clone).tip()

    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize("scheme", ["ssh://example.com{}", "example.com:{}", "file://{}", "{}"])
def test_the_tip_comes_over_one_connection_after_a_lost_race(
    world: World, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", scheme.format(world.remote))
    log = ssh(world, monkeypatch, failing=0, says="")
    world.commit({path_of(WEB): f"{OTHER}\n"})

    with opened(clone) as repository:
        written = repository.write(setting(AUTH))

    assert (written.attempts, written.commit) == (2, world.tip())
    if log.exists():
        assert len(log.read_text().splitlines()) == 3, "two pushes and a look"
    assert not list((clone / ".git/objects/pack").glob("*.keep"))
    assert not (clone / ".git/FETCH_HEAD").exists()
    git(clone, "fsck", "--strict")


def test_a_url_that_git_replaces_is_replaced_there_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", "example.com:state.git")
    git(clone, "config", f"url.file://{world.remote}.insteadOf", "example.com:state.git")
    log = ssh(world, monkeypatch, failing=1000, says=REFUSED)
    world.commit({path_of(WEB): f"{OTHER}\n"})

    assert opened(clone).write(setting(AUTH)).attempts == 2
    assert not log.exists(), "nobody was to be asked over ssh"
