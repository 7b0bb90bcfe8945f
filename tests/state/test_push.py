"""Every row of the table of outcomes, on real git; and what is read from each."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gitops_cli.domain.errors import RemoteUnreachable
from gitops_cli.git.environment import git_environment
from gitops_cli.git.process import Done, Git
from gitops_cli.state.push import Pushed, PushOutcome, judge, push
from tests.state.world import OTHER, WEB, World, opened, opened_url, path_of
from tests.testbed.git import git
from tests.testbed.patience import HANGING

MAIN = "refs/heads/main"


def push_from(
    clone: Path, remote: Path | str, *, old: str | None = None, timeout: float = 30
) -> tuple[Pushed, str]:
    """Commit on the clone's HEAD and push by URL; `old` is the lease."""
    parent = git(clone, "rev-parse", "HEAD")
    new = git(clone, "commit-tree", "-p", parent, "-m", "new", f"{parent}^{{tree}}")
    pushed = push(
        Git(clone, git_environment()),
        str(remote),
        MAIN,
        new=new,
        old=old or parent,
        timeout=timeout,
    )
    return pushed, new


def hook(directory: Path, name: str, script: str) -> None:
    """Write an executable hook."""
    file = directory / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_unmoved_is_accepted(world: World) -> None:
    pushed, new = push_from(world.clone(), world.remote)

    assert pushed.outcome is PushOutcome.ACCEPTED
    assert world.tip() == new


def test_the_same_commit_made_by_somebody_else_is_theirs(world: World) -> None:
    clone = world.clone()
    old = git(clone, "rev-parse", "HEAD")
    _, new = push_from(clone, world.remote)

    pushed = push(
        Git(clone, git_environment()), str(world.remote), MAIN, new=new, old=old, timeout=30
    )

    assert pushed.outcome is PushOutcome.MOVED
    assert world.tip() == new


def test_unmoved_is_accepted_where_force_is_denied(world: World) -> None:
    git(world.remote, "config", "receive.denyNonFastForwards", "true")

    assert push_from(world.clone(), world.remote)[0].outcome is PushOutcome.ACCEPTED


@pytest.mark.parametrize("known_here", [True, False])
def test_moved_forward(world: World, known_here: bool) -> None:
    clone = world.clone()
    theirs = world.commit({path_of(WEB): f"{OTHER}\n"})
    if known_here:
        git(clone, "fetch", "-q")

    pushed, _ = push_from(clone, world.remote)

    assert pushed.outcome is PushOutcome.MOVED
    assert world.tip() == theirs


def test_rewound(world: World) -> None:
    first = world.tip()
    world.commit({path_of(WEB): f"{OTHER}\n"})
    clone = world.clone()
    git(world.remote, "update-ref", MAIN, first)

    pushed, _ = push_from(clone, world.remote)

    assert pushed.outcome is PushOutcome.MOVED
    assert world.tip() == first


def test_deleted(world: World) -> None:
    clone = world.clone()
    git(world.remote, "update-ref", "-d", MAIN)

    pushed, _ = push_from(clone, world.remote)

    assert pushed.outcome is PushOutcome.MOVED
    assert git(world.remote, "for-each-ref") == ""


@pytest.mark.parametrize("name", ["pre-receive", "update"])
def test_a_hook_of_the_server(world: World, name: str) -> None:
    hook(world.remote, name, "echo 'not on \033[31mFridays'; exit 1")

    pushed, _ = push_from(world.clone(), world.remote)

    assert pushed.outcome is PushOutcome.REJECTED
    assert "not on \\x1b[31mFridays" in pushed.reason
    assert world.count() == 1


def test_a_race_lost_under_the_servers_lock(world: World) -> None:
    (world.remote / f"{MAIN}.lock").touch()

    pushed, _ = push_from(world.clone(), world.remote)

    assert pushed.outcome is PushOutcome.REJECTED
    assert "main.lock" in pushed.reason


def test_a_checked_out_branch(world: World) -> None:
    target = world.clone("target")

    assert push_from(world.clone(), target)[0].outcome is PushOutcome.REJECTED


def test_a_pre_push_hook_of_the_users(world: World) -> None:
    clone = world.clone()
    hook(clone / ".git", "pre-push", "echo 'run the tests first' >&2; exit 1")

    pushed, _ = push_from(clone, world.remote)

    assert pushed.outcome is PushOutcome.REFUSED_HERE
    assert "run the tests first" in pushed.reason
    assert world.count() == 1


def test_a_pre_push_hook_sees_what_is_pushed(world: World) -> None:
    clone = world.clone()
    hook(clone / ".git", "pre-push", f"cat > {world.directory}/seen")

    _, new = push_from(clone, world.remote)

    seen = (world.directory / "seen").read_text().split()
    assert (seen[1], seen[2]) == (new, MAIN)


def test_a_remote_that_is_not_there(world: World) -> None:
    pushed, _ = push_from(world.clone(), world.directory / "gone.git")

    assert pushed.outcome is PushOutcome.UNKNOWN


def test_a_push_that_takes_too_long(world: World) -> None:
    hook(world.remote, "pre-receive", "sleep 60")

    pushed, _ = push_from(world.clone(), world.remote, timeout=0.5)

    assert pushed.outcome is PushOutcome.UNKNOWN
    assert world.count() == 1


def test_a_connection_that_hangs_and_outlives_git(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead network does to ssh: its end of git's pipes stays open."""
    ssh = world.directory / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 120\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    clone, begun = world.clone(), time.monotonic()

    pushed, _ = push_from(clone, "ssh://git@example.com/x.git", timeout=0.5)
    with pytest.raises(RemoteUnreachable, match="not done within"):
        opened_url("ssh://git@example.com/x.git", timeout=0.5)
    git(clone, "remote", "set-url", "origin", "ssh://git@example.com/x.git")
    tip = opened(clone, timeout=0.5).tip(require_remote=False)

    assert pushed.outcome is PushOutcome.UNKNOWN
    assert (tip.commit, tip.fresh) == (world.tip(), False)
    assert time.monotonic() - begun < HANGING


def test_settings_of_the_user_push_nothing_else(world: World) -> None:
    clone = world.clone()
    git(clone, "config", "push.followTags", "true")
    git(clone, "config", "push.recurseSubmodules", "on-demand")
    git(clone, "tag", "-a", "-m", "mine", "v1")

    assert push_from(clone, world.remote)[0].outcome is PushOutcome.ACCEPTED
    assert git(world.remote, "tag") == ""


@pytest.mark.parametrize(
    ("code", "out", "over_http", "outcome"),
    [
        (0, f"To x\n*\tabc:{MAIN}\t[new branch]\nDone", False, PushOutcome.ACCEPTED),
        (0, f"To x\n=\tabc:{MAIN}\t[up to date]\nDone", False, PushOutcome.MOVED),
        (1, f"To x\n!\tabc:{MAIN}\t[rejected] (stale info)\nDone", False, PushOutcome.MOVED),
        (1, f"To x\n!\tabc:{MAIN}\t[rejected] (whatever)", True, PushOutcome.MOVED),
        (1, f"To x\n!\tabc:{MAIN}\t[remote rejected] (a b)", False, PushOutcome.REJECTED),
        (1, f"To x\n!\tabc:{MAIN}\t[remote failure] (a b)", False, PushOutcome.UNKNOWN),
        (1, f"To x\n \tabc:{MAIN}\taaa..bbb", False, PushOutcome.UNKNOWN),
        (1, f"To x\n!\tabc:{MAIN}2\t[rejected] (x)", False, PushOutcome.REFUSED_HERE),
        (1, "", False, PushOutcome.REFUSED_HERE),
        (1, "", True, PushOutcome.REJECTED),
        (128, "", False, PushOutcome.UNKNOWN),
        (-9, "", False, PushOutcome.UNKNOWN),
    ],
)
def test_the_rule_of_each_row(code: int, out: str, over_http: bool, outcome: PushOutcome) -> None:
    assert judge(Done(code, out.encode(), ""), MAIN, over_http=over_http).outcome is outcome


def test_english_words_of_a_hook_are_not_read(world: World) -> None:
    hook(world.remote, "pre-receive", "echo '[rejected] (stale info)'; exit 1")

    assert push_from(world.clone(), world.remote)[0].outcome is PushOutcome.REJECTED
