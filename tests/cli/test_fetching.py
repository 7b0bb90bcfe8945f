"""What takes long shows on a terminal how far it is: a first fetch, a cluster far away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.live import Live
from tests.testbed.faults import ApiProxy, Hang
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops

SLOW_SSH = f"""\
#!/bin/sh
# ssh HOST COMMAND: the server is here, the line is slow.
eval "$2" | {sys.executable} -c '
import sys, time
while piece := sys.stdin.buffer.raw.read(4096):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    time.sleep(0.15)
'
"""


@pytest.fixture
def far(gitops: Gitops, tmp_path: Path) -> tuple[Gitops, str]:
    """Return the command and the URL of a repository behind a slow line."""
    remote = tmp_path / "state.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    files = {"shop-production/images_path": "registry.example.com/shop/\n"}
    commits = [
        Commit(
            f"shop-production: web {n}",
            {**files, "shop-production/web.deployment": f"{n:040x}\n"},
            1_700_000_000 + 60 * n,
        )
        for n in range(600)
    ]
    add_commits(remote, commits)
    ssh = tmp_path / "slow-ssh"
    ssh.write_text(SLOW_SSH)
    ssh.chmod(0o755)
    there = gitops.using(GIT_SSH_COMMAND=ssh, GIT_SSH_VARIANT="simple")
    return there, f"ssh://example.com{remote}"


def test_a_terminal_sees_a_bar_that_goes_when_the_answer_is_there(far: tuple[Gitops, str]) -> None:
    gitops, url = far
    with gitops.terminal("history", "web", "-R", url, "-n", "3") as terminal:
        terminal.wait_for("receiving objects")
        terminal.wait_for("% of 2,")
        assert terminal.finish() == 0
        assert "receiving objects" not in terminal.text
        assert "web" in terminal.text


def test_a_pipe_reads_what_it_waits_for(far: tuple[Gitops, str]) -> None:
    gitops, url = far

    done = gitops("history", "web", "-R", url, "-n", "3", "-o", "json").ok()

    assert "fetching the history of ssh://example.com/" in done.stderr
    assert "%" not in done.stderr
    assert len(done.json()["entries"]) == 3


def test_reading_a_cluster_says_how_much_of_it_is_read(behind: Live, api_proxy: ApiProxy) -> None:
    api_proxy.on(Hang(1.5), "GET", "deployments")
    api_proxy.on(Hang(4), "GET", "pods")
    far = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)

    with far.terminal("diff", behind.namespace) as terminal:
        terminal.wait_for("reading ")
        terminal.wait_for("1 of 2")
        assert terminal.finish() == 1
        assert "reading" not in terminal.text
