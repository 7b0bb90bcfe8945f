"""The mirror of a source takes the checkout's own way to its remote, anew each time."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.team import ServiceRules, TeamSettings
from gitops_cli.source.checkout import checkout_at
from gitops_cli.source.repository import Sources
from gitops_cli.source.upstream import Upstream
from tests.source.sources import commits, shallow
from tests.state.http_remote import HttpRemote
from tests.testbed.git import Commit, add_commits, git

AUTH = ServiceName("auth")
TOKENS = ("first", "second", "third")
BASIC = "AUTHORIZATION: Basic {}"


@pytest.fixture
def http(remote: Path) -> Iterator[HttpRemote]:
    with HttpRemote(remote.parent) as server:
        yield server


def helper(token: str) -> str:
    return f"!f() {{ echo username=ci; echo password={token}; }}; f"


def ways(http: HttpRemote, token: str) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Return a URL and the checkout's settings for each way to log in."""
    basic = base64.b64encode(f"ci:{token}".encode()).decode()
    plain = http.url("auth.git")
    return {
        "url": (http.url("auth.git", f"ci:{token}@"), {}),
        "header": (plain, {f"http.{http.url('')}.extraHeader": BASIC.format(basic)}),
        "helper": (plain, {"credential.helper": helper(token)}),
        "instead-of": (
            "forge:auth.git",
            {f"url.{http.url('', f'ci:{token}@')}.insteadOf": "forge:"},
        ),
    }


def job(remote: Path, name: str, way: tuple[str, Mapping[str, str]]) -> Path:
    """Make the checkout of a CI job: of depth 1, with a way to its remote."""
    directory = shallow(remote, remote.parent / name)
    url, settings = way
    git(directory, "remote", "set-url", "origin", url)
    for key, value in settings.items():
        git(directory, "config", key, value)
    return directory


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("way", ["url", "header", "helper", "instead-of"])
def test_each_job_logs_in_with_its_own_token(
    remote: Path, http: HttpRemote, cache: Path, way: str, declared: bool
) -> None:
    """And all share one mirror: its name says nothing of who logged in."""
    first = commits(remote)[0]
    source = http.url("auth.git") if way != "instead-of" else "forge:auth.git"
    team = TeamSettings(services={AUTH: ServiceRules(AUTH, source=source)} if declared else {})
    for number, token in enumerate(TOKENS):
        http.password = token
        here = checkout_at(job(remote, f"job{number}/auth", ways(http, token)[way]))

        found = Sources(team, checkout=here).of(AUTH)

        assert found.distance(first, commits(remote)[-1]).ahead == 3 + number, found.trouble
        add_commits(remote, [Commit(f"n{number}", {"f": token}, 1_760_000_020 + number)])

    mirrors = list((cache / "gitops-cli" / "sources").glob("*.git"))
    assert len(mirrors) == 1
    written = b"".join(p.read_bytes() for p in mirrors[0].rglob("*") if p.is_file())
    assert not [token for token in TOKENS if token.encode() in written]


def test_the_name_that_a_user_gives_to_remotes_does_not_matter(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text("[clone]\n\tdefaultRemoteName = upstream\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    for number in range(3):
        [new] = add_commits(remote, [Commit("n", {"f": str(number)}, 1_760_000_020 + number)])

        assert Upstream(f"file://{remote}").ready_for(new) is not None


@pytest.mark.parametrize("configured", ["", "ssh -i key"])
def test_ssh_does_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: str) -> None:
    """Many sources are read at once: nobody could tell the questions apart."""
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" "ask=$GIT_TERMINAL_PROMPT$GIT_ASKPASS" >{seen}; false\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    (tmp_path / "gitconfig").write_text(
        f"[core]\n\tsshCommand = {configured}\n" if configured else ""
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    for name in ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS"):
        monkeypatch.delenv(name, raising=False)

    Upstream("git@127.0.0.1:acme/auth.git").ready_for("a" * 40)

    assert "BatchMode=yes" in seen.read_text()
    assert "ask=0\n" in seen.read_text()
    assert ("-i key" in seen.read_text()) == bool(configured)
