"""Deploy keys and host keys, made and fetched by the programs of OpenSSH."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitops_cli.agent.model.spec import IDENTITY, KNOWN_HOSTS, NEXT_IDENTITY
from gitops_cli.domain.errors import ConfigurationError, RemoteUnreachable
from gitops_cli.domain.ssh import (
    HostKey,
    SshServer,
    known_hosts,
    parse_host_keys,
    ssh_command,
)
from gitops_cli.domain.text import one_line

_SECONDS = 20
_TRIES = 2
_MEMORY = Path("/dev/shm")  # Linux: a private key made there never reaches a disk


class KeyPair(NamedTuple):
    """An ed25519 key: `private` in OpenSSH's format, `public` as authorized_keys has it."""

    private: bytes
    public: str


def generate(comment: str) -> KeyPair:
    """Return a new key pair; the files it is made in are gone when this returns."""
    with _private_directory() as directory:
        file = directory / "key"
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)])
        return KeyPair(file.read_bytes(), file.with_suffix(".pub").read_text().strip())


def public_key(private: bytes) -> str:
    """Return the public half of a private key. Raises ConfigurationError if it is none."""
    with _private_directory() as directory:
        file = directory / "key"
        file.touch(mode=0o600)
        file.write_bytes(private)
        # -P "": a key with a passphrase fails here, not in the cluster.
        return _run(["ssh-keygen", "-y", "-P", "", "-f", str(file)]).strip()


def scan(server: SshServer, left: Callable[[float], float]) -> list[HostKey]:
    """Ask a server for its host keys, of all kinds. Nothing proves yet that they are its own.

    `left` says how many of the usual seconds there are for each question.

    One kind at a time: ssh-keyscan gives up on all when a server lacks one of them and is slow.
    """
    found: list[HostKey] = []
    failure: RemoteUnreachable | None = None
    for kind in ("ed25519", "ecdsa", "rsa") * _TRIES:
        if found and kind == "ed25519":
            break  # all kinds were asked for
        command = ["ssh-keyscan", "-T", "10", "-p", str(server.port), "-t", kind]
        try:
            found += parse_host_keys(_run([*command, "--", server.host], left(_SECONDS)))
        except RemoteUnreachable as error:
            failure = error
    if not found:
        raise RemoteUnreachable(
            f"{server.pattern} showed no ssh host key", hint="check the host and its port"
        ) from failure
    # Older ssh-keyscans leave out the port of the default form, others add comments.
    return [HostKey(server.pattern, key.algorithm, key.key) for key in found]


def secret_files(private: bytes, hosts: Sequence[HostKey]) -> dict[str, bytes]:
    """Return the content of the agent's Secret."""
    return {IDENTITY: private, KNOWN_HOSTS: known_hosts(hosts)}


def ssh_for(directory: Path) -> str | None:
    """Return GIT_SSH_COMMAND for the keys in a directory; None if it holds none.

    It names the second key of a rotation before that is there: a controller lives longer than that.
    """
    identities = [directory / name for name in (IDENTITY, NEXT_IDENTITY)]
    if not any(file.exists() for file in identities):
        return None
    return ssh_command(list(map(str, identities)), str(directory / KNOWN_HOSTS))


@contextmanager
def unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Put a Secret's files into a directory that only this user can read, for a while."""
    with _private_directory() as directory:
        for name, content in files.items():
            file = directory / name
            file.touch(mode=0o600)
            file.write_bytes(content)
        yield directory


@contextmanager
def _private_directory() -> Iterator[Path]:
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="gitops-", dir=where) as directory:  # mode 0700
        yield Path(directory)


def _run(command: list[str], seconds: float = _SECONDS) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{command[0]} is not installed", hint="install OpenSSH's client (openssh-client)"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RemoteUnreachable(f"{command[0]} gave no answer in {seconds:.0f} s") from error
    if done.returncode != 0 and not done.stdout:
        raise _failure(command[0], done.stderr)
    return done.stdout


def _failure(program: str, said: str) -> ConfigurationError | RemoteUnreachable:
    lines = [line for line in said.splitlines() if line and not line.startswith("#")]
    message = one_line(lines[-1]) if lines else "it said nothing"
    if program == "ssh-keyscan":
        return RemoteUnreachable(f"ssh-keyscan: {message}")
    return ConfigurationError(
        f"{program}: {message}", hint="the agent needs a private key without a passphrase"
    )
