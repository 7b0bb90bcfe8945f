"""ssh as far as the agent needs it: where a URL leads, host keys and their fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gitops_cli.domain.git_url import parse_git_url


class SshServer(NamedTuple):
    """A host and port, as ssh-keyscan and known_hosts want them."""

    host: str
    port: int = 22

    @property
    def pattern(self) -> str:
        """Return how known_hosts writes it."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


class HostKey(NamedTuple):
    """A line of known_hosts: the server's name, the kind of key, and the key itself in base64."""

    name: str
    algorithm: str
    key: str

    @property
    def fingerprint(self) -> str:
        """Return the SHA256 fingerprint as ssh prints it."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def line(self) -> str:
        """Return the line, without its end."""
        return f"{self.name} {self.algorithm} {self.key}"


def ssh_server(url: str) -> SshServer | None:
    """Return the ssh server of a repository's URL; None for another protocol or a path."""
    parts = parse_git_url(url)
    if parts is None or parts.scheme != "ssh":
        return None
    return SshServer(parts.host, parts.port or 22)


def parse_host_keys(text: str) -> list[HostKey]:
    """Return the keys of a known_hosts file or of ssh-keyscan; what is none is left out."""
    keys = []
    for line in text.splitlines():
        name, _, rest = line.strip().partition(" ")
        algorithm, _, tail = rest.partition(" ")
        key = tail.split(" ")[0]
        if name and not name.startswith(("#", "@")) and _is_key(algorithm, key):
            keys.append(HostKey(name, algorithm, key))
    return keys


def _is_key(algorithm: str, key: str) -> bool:
    # The key repeats its algorithm: length, then name. Anything else is no key.
    try:
        data = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return False
    return bool(algorithm) and data[4 : 4 + len(algorithm)] == algorithm.encode()


def known_hosts(keys: Iterable[HostKey]) -> bytes:
    """Return the content of a known_hosts file."""
    return "".join(f"{line}\n" for line in sorted({key.line() for key in keys})).encode()


def ssh_command(identities: Sequence[str], known_hosts_file: str) -> str:
    """Return GIT_SSH_COMMAND: these keys and these host keys, nobody's configuration, no question.

    Several keys are tried in order, which is what makes a rotation without a gap possible. One
    that is not there is passed over; of a missing `-i` ssh would complain each time.
    """
    options = {
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{known_hosts_file}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "BatchMode": "yes",
        "ConnectTimeout": "15",
        "ServerAliveInterval": "15",
    }
    words = ["ssh", "-F", "none", "-T"]
    for identity in identities:
        words += ["-o", f'IdentityFile="{identity}"']
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return shlex.join(words)
