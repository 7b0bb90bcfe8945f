"""Where URLs lead, and host keys as values."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gitops_cli.agent import keys as made_keys
from gitops_cli.agent.keys import generate, public_key, ssh_for
from gitops_cli.agent.model.spec import IDENTITY, KNOWN_HOSTS, NEXT_IDENTITY
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.ssh import (
    HostKey,
    SshServer,
    known_hosts,
    parse_host_keys,
    ssh_command,
    ssh_server,
)
from tests.testbed.git import init_bare
from tests.testbed.sshd import Sshd

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("ssh://git@git.example.com/acme/state.git", SshServer("git.example.com")),
        ("ssh://git@git.example.com:2222/acme/state.git", SshServer("git.example.com", 2222)),
        ("ssh://git@[2001:db8::1]:22/x.git", SshServer("2001:db8::1")),
        ("git@git.example.com:acme/state.git", SshServer("git.example.com")),
        ("git.example.com:acme/state.git", SshServer("git.example.com")),
        ("https://git.example.com/acme/state.git", None),
        ("file:///srv/state.git", None),
        ("/srv/state.git", None),
        ("../state.git", None),
    ],
)
def test_the_server_of_a_url(url: str, server: SshServer | None) -> None:
    assert ssh_server(url) == server


@pytest.mark.parametrize(
    "url", ["ssh://-oProxyCommand=touch$IFS/tmp/x/y", "ssh:///x.git", "ssh://git@host:port/x"]
)
def test_what_is_no_host_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        ssh_server(url)


def test_fingerprints_are_those_that_ssh_prints(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# a comment\n[git.example.com]:2222 ssh-ed25519 {KEY} ignored\nnonsense\n")

    [key] = parse_host_keys(file.read_text())

    said = subprocess.run(
        ["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True
    ).stdout
    assert key.fingerprint in said
    assert key.name == SshServer("git.example.com", 2222).pattern


@pytest.mark.parametrize(
    "line",
    [
        "host ssh-ed25519 not-base64!",
        f"host ssh-rsa {KEY}",  # says one kind, holds another
        "host ssh-ed25519",
        f"@revoked host ssh-ed25519 {KEY}",
    ],
)
def test_what_is_no_key_is_not_pinned(line: str) -> None:
    assert parse_host_keys(line) == []


def test_known_hosts_names_each_key_once() -> None:
    key = HostKey("host", "ssh-ed25519", KEY)

    assert known_hosts([key, key]) == f"host ssh-ed25519 {KEY}\n".encode()


def test_ssh_uses_nothing_of_the_users() -> None:
    command = ssh_command(["/k/a b", "/k/next"], "/k/known_hosts")

    assert command.startswith("ssh -F none")
    assert shlex.split(command)[4:8] == [
        *("-o", 'IdentityFile="/k/a b"'),
        *("-o", 'IdentityFile="/k/next"'),
    ]
    assert "StrictHostKeyChecking=yes" in command
    assert "IdentitiesOnly=yes" in command


@pytest.mark.node
def test_the_second_key_of_a_rotation_is_offered_by_whoever_began_before_it(
    tmp_path: Path, sshd: Sshd
) -> None:
    remote, keys = init_bare(tmp_path / "state.git"), tmp_path / "keys and more"
    keys.mkdir()
    assert ssh_for(keys) is None
    shutil.copy(sshd.known_hosts, keys / KNOWN_HOSTS)
    client = (sshd.directory / "client").read_bytes()
    write_private(keys / IDENTITY, client)
    environment = {**os.environ, "GIT_SSH_COMMAND": ssh_for(keys) or ""}

    def fetch() -> tuple[int, str]:
        command = ["git", "ls-remote", sshd.url(remote)]
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr.decode()

    assert fetch() == (0, "")
    write_private(keys / IDENTITY, generate("retired").private)
    code, said = fetch()
    assert (code, "Permission denied" in said) == (128, True)
    write_private(keys / NEXT_IDENTITY, client)
    assert fetch() == (0, "")


def write_private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def test_a_key_pair_belongs_together_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_keys, "_MEMORY", tmp_path)  # others make keys in the machine's
    pair = generate("gitops-agent@shop-production")

    assert pair.public.startswith("ssh-ed25519 ")
    assert pair.public.endswith(" gitops-agent@shop-production")
    assert public_key(pair.private) == pair.public
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_a_passphrase_is_refused_before_it_reaches_a_cluster(tmp_path: Path) -> None:
    file = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", file]
    subprocess.run(command, check=True)

    with pytest.raises(ConfigurationError, match="ssh-keygen") as caught:
        public_key(file.read_bytes())
    assert "passphrase" in str(caught.value.hint)
