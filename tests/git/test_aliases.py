"""What git's and ssh's own settings make of a remote's URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.git import aliases
from gitops_cli.git.aliases import addresses
from gitops_cli.git.config import Config

WORK = Config({"url.git@github-work:acme/.insteadof": ("work:",)}, {})
PLAIN = Config({}, {})


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the names that an ssh was asked for, which knows github-work."""
    asked = tmp_path / "asked"
    program = tmp_path / "ssh"
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{asked}\n'
        "case $3 in github-work|github.com-work) name=GitHub.com;; *) name=$3;; esac\n"
        'echo "user git"\necho "hostname $name"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    aliases._host_of.cache_clear()
    return asked


@pytest.mark.parametrize(
    ("url", "config", "means"),
    [
        ("git@github-work:acme/state.git", PLAIN, "ssh://git@github.com/acme/state.git"),
        ("git@github.com-work:acme/state", PLAIN, "ssh://git@github.com/acme/state"),
        ("work:state.git", WORK, "ssh://git@github.com/acme/state.git"),
    ],
)
def test_a_name_of_ones_own_is_what_ssh_has_for_it(
    url: str, config: Config, means: str, ssh: Path
) -> None:
    found = addresses(url, config)

    assert (found[0], found[-1]) == (url, means)
    assert "-G -- github" in ssh.read_text()


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/state.git",
        "ssh://git@git.acme.example:2222/acme/state.git",
        "https://github-work/acme/state.git",
        "git@git.xn--p1-ai:acme/state.git",
        "/srv/git/state.git",
    ],
)
def test_nobody_is_asked_for_what_is_no_name_of_ones_own(url: str, ssh: Path) -> None:
    assert addresses(url, PLAIN) == (url,)
    assert not ssh.exists()


def test_a_name_that_ssh_does_not_know_stays(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses("git@gitlab:ops/state.git", PLAIN) == ("git@gitlab:ops/state.git",)
    monkeypatch.setenv("PATH", "/nowhere")
    assert addresses("git@forge:ops/state.git", PLAIN) == ("git@forge:ops/state.git",)
