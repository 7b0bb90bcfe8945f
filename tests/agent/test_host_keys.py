"""Whose server it is: host keys are shown, confirmed or given, and never trusted blindly."""

from __future__ import annotations

import base64
import secrets
import subprocess
from pathlib import Path

import pytest

from gitops_cli.agent.model.spec import KEY_SECRET, KNOWN_HOSTS
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.sshd import Sshd

pytestmark = pytest.mark.node

QUESTION = "Are these the host keys that 127.0.0.1 publishes?"
OTHER = "SHA256:" + "A" * 43


@pytest.fixture
def command(article: Article, environment: str, sshd: Sshd) -> list[str]:
    return ["agent", "key", environment, "--agent-repo", sshd.url(article.remote)]


def pinned(kube: Kube, environment: str) -> list[str]:
    """Return the fingerprints of the host keys in the agent's Secret, by ssh-keygen."""
    data = kube.get("Secret", environment, KEY_SECRET)["data"][KNOWN_HOSTS]
    said = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=base64.b64decode(data), capture_output=True, check=True
    ).stdout.decode()
    return [line.split()[1] for line in said.splitlines()]


def test_a_person_sees_the_fingerprints_and_agrees(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd
) -> None:
    with cli.terminal(*command) as terminal:
        terminal.wait_for(QUESTION)
        assert sshd.fingerprint() in terminal.text
        assert not kube.exists("Secret", environment, KEY_SECRET)
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0

    assert pinned(kube, environment) == [sshd.fingerprint()]


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("ctrl-c", 130)])
def test_a_person_who_does_not_agree_leaves_nothing(
    cli: Gitops, kube: Kube, environment: str, command: list[str], answer: str, code: int
) -> None:
    with cli.terminal(*command) as terminal:
        terminal.wait_for(QUESTION)
        if answer == "n":
            terminal.type("n")
            terminal.press("enter")
        else:
            terminal.press(answer)
        assert terminal.finish() == code
        assert "nothing was changed" in terminal.text

    assert not kube.exists("Secret", environment, KEY_SECRET)


def test_nobody_to_ask_is_told_which_options_there_are(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd
) -> None:
    ran = cli(*command)

    assert ran.code == 2
    assert "--known-hosts FILE or --host-key SHA256:" in ran.stderr
    assert sshd.fingerprint() in ran.stderr
    assert not kube.exists("Secret", environment, KEY_SECRET)


def test_the_expected_fingerprint_is_pinned_unasked(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd
) -> None:
    cli(*command, "--host-key", OTHER, "--host-key", sshd.fingerprint()).ok()

    assert pinned(kube, environment) == [sshd.fingerprint()]


def test_another_fingerprint_than_expected_blocks(
    cli: Gitops, kube: Kube, environment: str, command: list[str]
) -> None:
    ran = cli(*command, "--host-key", OTHER)

    assert ran.code == 6
    assert "shows none of the expected host keys" in ran.stderr
    assert "somebody may be in between" in ran.stderr
    assert not kube.exists("Secret", environment, KEY_SECRET)


def test_a_file_of_host_keys_is_taken_without_asking_the_server(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text(f"other.example.com {sshd.known_hosts.read_text().partition(' ')[2]}")
    with file.open("a") as more:
        more.write(sshd.known_hosts.read_text())
    sshd.pause()
    try:
        cli(*command, "--known-hosts", file).ok()
    finally:
        sshd.resume()

    assert pinned(kube, environment) == [sshd.fingerprint()]


def test_other_host_keys_are_pinned_beside_the_key_that_is_there(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    name, kind, key = sshd.known_hosts.read_text().split()[:3]
    other = base64.b64encode(base64.b64decode(key)[:-32] + secrets.token_bytes(32)).decode()
    old.write_text(f"{name} {kind} {other}\n")
    first = cli(*command, "--known-hosts", old, "-o", "json").ok().json()
    assert pinned(kube, environment) == [first["host_keys"][0]["fingerprint"]]

    again = cli(*command, "--host-key", sshd.fingerprint(), "-o", "json").ok().json()

    assert (again["step"], again["public_key"]) == ("pinned", first["public_key"])
    assert pinned(kube, environment) == [sshd.fingerprint()]
    assert cli(*command, "-o", "json").ok().json()["step"] == "kept"


def test_a_changed_server_is_noticed_shown_and_pinned_once_agreed(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    name, kind, key = sshd.known_hosts.read_text().split()[:3]
    other = base64.b64encode(base64.b64decode(key)[:-32] + secrets.token_bytes(32)).decode()
    old.write_text(f"{name} {kind} {other}\n")
    cli(*command, "--known-hosts", old).ok()
    before = pinned(kube, environment)

    unasked = cli(*command)
    with cli.terminal(*command) as terminal:
        terminal.wait_for(QUESTION)
        assert sshd.fingerprint() in terminal.text
        assert "shows other host keys than those that are pinned" in terminal.text
        assert pinned(kube, environment) == before
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0

    assert unasked.code == 2
    assert sshd.fingerprint() in unasked.stderr
    assert pinned(kube, environment) == [sshd.fingerprint()]


def test_a_server_that_is_away_keeps_what_is_pinned(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd
) -> None:
    cli(*command, "--host-key", sshd.fingerprint()).ok()
    away = [*command[:-1], command[-1].replace(str(sshd.port), "1")]

    ran = cli(*away, "-o", "json").ok()

    assert ran.json()["step"] == "kept"
    assert "host keys were not compared" in ran.stderr


def test_what_was_pinned_lets_the_agent_in(
    cli: Gitops, kube: Kube, environment: str, command: list[str], sshd: Sshd
) -> None:
    made = cli(*command, "--host-key", sshd.fingerprint()).ok()
    with (sshd.directory / "authorized_keys").open("a") as keys:
        keys.write(made.stdout)
    options = ["--image", "registry.example.com/tools/gitops-cli:1", "--no-verify-image"]

    cli("agent", "install", *command[2:], *options, "--yes").ok()

    assert sshd.logins() > 0
    assert kube.exists("CronJob", environment, "gitops-agent")
