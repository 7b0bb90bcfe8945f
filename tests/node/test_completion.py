"""Completion in real shells; tests/node/setup installs zsh and fish. (bash: tests/cli.)"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.testbed.article import Article, build
from tests.testbed.git import git
from tests.testbed.gitops import EXECUTABLE, Gitops, Terminal

pytestmark = pytest.mark.node
ADDED = "a" * 40


@pytest.fixture
def company(tmp_path) -> Article:
    return build(tmp_path / "article")


@pytest.fixture
def state(company: Article, gitops: Gitops) -> Gitops:
    company.push("project1-production", {"billing": ADDED})
    return gitops.at(company.clone())


def shell(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed: tests/node/setup installs it"
    return found


def in_fish(state: Gitops, line: str) -> list[str]:
    """Return what fish offers for a line."""
    script = f'_GITOPS_COMPLETE=source_fish gitops | source; complete -C "{line}"'
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", script],
        cwd=state.directory,
        env={**state.environment, "PATH": f"{EXECUTABLE.parent}:{state.environment['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_fish(state: Gitops, company: Article) -> None:
    recorded = company.recorded("project1-staging")["billing"]
    assert in_fish(state, "gitops history bil") == ["billing"]
    assert in_fish(state, "gitops promote --to prod") == ["production"]
    offered = in_fish(state, "gitops set billing=")
    assert {f"billing={ADDED}", f"billing={recorded}"} <= set(offered)
    assert ADDED in in_fish(state, "gitops rollback billing -e project1-production --to ")
    newest = git(company.remote, "rev-parse", "main")
    assert newest in in_fish(state, "gitops rollback -e project1-production --commit ")


def test_zsh(state: Gitops) -> None:
    with Terminal(
        [shell("zsh"), "-f", "-i"],
        state.directory,
        {**state.environment, "TERM": "xterm", "PS1": "ready> "},
        rows=30,
        columns=120,
    ) as terminal:
        terminal.wait_for("ready>")
        terminal.type("autoload -U compinit && compinit -u -D\r")
        terminal.type(f"path=({EXECUTABLE.parent} $path)\r")
        terminal.type('eval "$(_GITOPS_COMPLETE=source_zsh gitops)"; echo lo""aded\r')
        terminal.wait_for("loaded")
        terminal.type("gitops history bil\t")
        terminal.wait_for("gitops history billing")
        # Ctrl-U, as Ctrl-C would take along what is typed before zsh has heard of it.
        terminal.type("\x15gitops promote --to prod\t")
        terminal.wait_for("gitops promote --to production")
        terminal.type("\x15gitops set billing=aa\t")
        terminal.wait_for(f"gitops set billing={ADDED}")
        terminal.type("\x15gitops rollback billing -e project1-production --to aa\t")
        terminal.wait_for(f"--to {ADDED}")
