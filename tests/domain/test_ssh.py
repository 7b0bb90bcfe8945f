"""Where a URL leads over ssh, host keys, and the command that knows nobody's configuration."""

from __future__ import annotations

import base64
import hashlib
import shlex

import pytest

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.ssh import (
    HostKey,
    SshServer,
    known_hosts,
    parse_host_keys,
    ssh_command,
    ssh_server,
)


def key(algorithm: str, body: bytes = b"body") -> str:
    """Return a public key as ssh writes it: its algorithm with its length, then the rest."""
    return base64.b64encode(len(algorithm).to_bytes(4) + algorithm.encode() + body).decode()


ED, RSA = key("ssh-ed25519"), key("ssh-rsa")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("ssh://git@git.example.com/acme/state.git", SshServer("git.example.com")),
        ("ssh://git.example.com:2222/acme/state.git", SshServer("git.example.com", 2222)),
        ("ssh://git@[fd00::1]:22/state.git", SshServer("fd00::1", 22)),
        ("git@git.example.com:acme/state.git", SshServer("git.example.com")),
        ("host:state.git", SshServer("host")),
        ("a.b_c-d@host.example:x", SshServer("host.example")),
        ("https://git.example.com/acme/state.git", None),
        ("file:///srv/state.git", None),
        ("/srv/state.git", None),
        ("host://x", None),
        ("git@-host:x", None),
        ("git@host:", None),
        ("./a:b", None),
    ],
)
def test_the_server_of_a_url(url: str, server: SshServer | None) -> None:
    assert ssh_server(url) == server


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ssh:///state.git", "`ssh:///state.git` names no host"),
        ("ssh://-oProxyCommand=x/y", "`ssh://-oProxyCommand=x/y` names no host"),
        ("ssh://a b/y", "`ssh://a b/y` names no host"),
    ],
)
def test_a_url_without_a_host(url: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        ssh_server(url)

    assert error.value.message == message


def test_a_port_that_is_none() -> None:
    with pytest.raises(UsageError) as error:
        ssh_server("ssh://host:99999/x")

    assert error.value.message == "`ssh://host:99999/x` is not a URL: Port out of range 0-65535"


def test_how_known_hosts_names_a_server() -> None:
    assert SshServer("host").pattern == "host"
    assert SshServer("host", 2222).pattern == "[host]:2222"


def test_host_keys_are_read_and_everything_else_is_left_out() -> None:
    text = (
        f"# host:22 SSH-2.0\n@revoked host ssh-ed25519 {ED}\n\nhost ssh-ed25519 {ED}\n"
        f"  [host]:2222 ssh-rsa {RSA} a comment\n"
        f"host ssh-ed25519 {RSA}\nhost ssh-ed25519 no-base64!\nhost\nhost ssh-ed25519\n"
        f"host  {ED}\nhost ssh-ed25519 {ED[:-1]}\n"
    )

    assert parse_host_keys(text) == [
        HostKey("host", "ssh-ed25519", ED),
        HostKey("[host]:2222", "ssh-rsa", RSA),
    ]


def test_a_fingerprint_is_the_one_that_ssh_prints() -> None:
    digest = hashlib.sha256(base64.b64decode(ED)).digest()
    shown = HostKey("host", "ssh-ed25519", ED).fingerprint

    assert shown == f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
    assert not shown.endswith("=")


def test_a_known_hosts_file_has_each_key_once_and_in_order() -> None:
    one, other = HostKey("b", "ssh-rsa", RSA), HostKey("a", "ssh-ed25519", ED)

    assert known_hosts([one, other, one]) == f"a ssh-ed25519 {ED}\nb ssh-rsa {RSA}\n".encode()
    assert known_hosts([]) == b""


def test_the_command_has_these_keys_and_nobodys_configuration() -> None:
    words = shlex.split(ssh_command(["/keys/a b", "/keys/new"], "/keys/known hosts"))

    assert words == [
        *("ssh", "-F", "none", "-T"),
        *("-o", 'IdentityFile="/keys/a b"', "-o", 'IdentityFile="/keys/new"'),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", 'UserKnownHostsFile="/keys/known hosts"'),
        *("-o", "GlobalKnownHostsFile=/dev/null"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "UpdateHostKeys=no"),
        *("-o", "BatchMode=yes"),
        *("-o", "ConnectTimeout=15"),
        *("-o", "ServerAliveInterval=15"),
    ]
