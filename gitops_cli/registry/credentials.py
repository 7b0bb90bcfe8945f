"""Credentials of a registry, from where docker and podman keep them.

Files and their order are those of containers-auth.json(5) and the Docker CLI: REGISTRY_AUTH_FILE,
DOCKER_CONFIG, podman's auth.json, ~/.docker/config.json. The first that knows the registry wins.
A message may name a file, a helper and a host; never what they hold.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gitops_cli.domain.errors import ConfigurationError, Denied
from gitops_cli.domain.text import one_line

HELPER_SECONDS = 30.0
MOST = 1 << 20  # bytes of a file, or of what a helper says
# What `docker login` without a host writes for Docker's own registry.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
# The user name with which a helper says that its secret is an identity token.
_TOKEN_USER = "<token>"
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a registry; `origin` is for messages. Secrets stay out of its repr."""

    origin: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)
    registry_token: str | None = field(default=None, repr=False)

    @property
    def basic(self) -> str | None:
        """Return the value of an Authorization header; None without user name and password."""
        if self.username is None or self.password is None:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def find_credentials(host: str, path: str, environ: Mapping[str, str]) -> Credentials | None:
    """Return the credentials for repository `path` on `host`; None: ask anonymously.

    Raises ConfigurationError for an unreadable file, Denied for a helper that fails.
    """
    for file in credential_files(environ):
        config = _read(file)
        if config is not None:
            found = _in_config(config, file, host, path, environ)
            if found is not None:
                return found
    return None


def credential_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield where credentials may be, in the order they are looked for."""
    home = Path(environ.get("HOME") or Path.home())
    if explicit := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(explicit)
    if docker := environ.get("DOCKER_CONFIG"):
        yield Path(docker, "config.json")
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")
    else:
        yield Path(f"/run/containers/{os.getuid()}/auth.json")
    config = environ.get("XDG_CONFIG_HOME") or home / ".config"
    yield Path(config, "containers", "auth.json")
    if not docker:
        yield home / ".docker" / "config.json"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST + 1)
        content = json.loads(data) if len(data) <= MOST else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        # Its text may hold a secret, so neither it nor the error is quoted or chained.
        raise ConfigurationError(f"{file}:{error.lineno}: is not JSON") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{file}: is no JSON that can be read") from None
    if len(data) > MOST:
        raise ConfigurationError(f"{file}: is larger than {MOST} bytes")
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}:1: is not a JSON object")
    return content


def _in_config(
    config: dict[str, Any], file: Path, host: str, path: str, environ: Mapping[str, str]
) -> Credentials | None:
    hub = host in _DOCKER_HUB_NAMES
    helpers = _table(config, "credHelpers", file)
    for key in (host, *((_DOCKER_HUB_KEY, *_DOCKER_HUB_NAMES) if hub else ())):
        if (helper := _text(helpers, key, file, "credHelpers")) is not None:
            return _ask_helper(helper, _DOCKER_HUB_KEY if hub else host, file, environ)
    store = _text(config, "credsStore", file, "it")
    if store is not None:
        found = _ask_helper(store, _DOCKER_HUB_KEY if hub else host, file, environ)
        if found is not None:
            return found
    auths = {_plain(key): value for key, value in _table(config, "auths", file).items()}
    for key in _keys(host, path):
        entry = auths.get(key) or {}
        if not isinstance(entry, dict):
            raise ConfigurationError(f"{file}: `auths` of {key} is not an object")
        if entry:
            return _from_entry(entry, file, host)
    return None


def _table(config: dict[str, Any], key: str, file: Path) -> dict[str, Any]:
    value = config.get(key)
    if value is not None and not isinstance(value, dict):
        raise ConfigurationError(f"{file}: `{key}` is not an object")
    return value or {}


def _text(table: Mapping[str, Any], key: str, file: Path, place: str) -> str | None:
    value = table.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_unicode(value):
        raise ConfigurationError(f"{file}: `{one_line(key)}` of {place} is not a text")
    return value


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _plain(key: str) -> str:
    """Return a key of `auths` without scheme and API version: https://host/v1/ is host."""
    rest = key.partition("://")[2] or key
    rest = rest.rstrip("/")
    for version in ("/v1", "/v2"):
        rest = rest.removesuffix(version)
    return rest


def _keys(host: str, path: str) -> Iterator[str]:
    """Yield host/path, then its parents, then the host: the most specific entry is meant."""
    for name in _DOCKER_HUB_NAMES if host in _DOCKER_HUB_NAMES else (host,):
        parts = path.split("/")
        for end in range(len(parts), 0, -1):
            yield f"{name}/{'/'.join(parts[:end])}"
        yield name


def _from_entry(entry: dict[str, Any], file: Path, host: str) -> Credentials | None:
    username, password, packed, identity, registry = (
        _text(entry, key, file, host)
        for key in ("username", "password", "auth", "identitytoken", "registrytoken")
    )
    if packed is not None:
        try:
            user, colon, secret = base64.b64decode(packed, validate=True).decode().partition(":")
        except ValueError:  # of base64, of ASCII, or of UTF-8
            raise ConfigurationError(f"{file}: `auth` of {host} is not base64 text") from None
        if colon:
            username, password = user, secret.rstrip("\0")
    if password is None and identity is None and registry is None:
        return None  # `docker login` with a store leaves an empty entry behind
    return Credentials(str(file), username, password, identity, registry)


def _ask_helper(
    helper: str, server: str, file: Path, environ: Mapping[str, str]
) -> Credentials | None:
    if not helper.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ConfigurationError(
            f"{file}: `{one_line(helper)}` is not the name of a credential helper"
        )
    program = f"docker-credential-{helper}"
    found = shutil.which(program, path=environ.get("PATH"))
    if found is None:
        raise ConfigurationError(
            f"{file}: the credential helper {program} is not installed",
            hint="install it, or log in again without it",
        )
    try:
        code, answer = _output([found, "get"], server.encode(), environ)
    except OSError as error:
        raise ConfigurationError(f"{program}: cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise Denied(f"{program}: no answer for {server} in {HELPER_SECONDS:.0f} s") from None
    if code != 0:
        if _NOT_FOUND in answer.decode(errors="replace").lower():
            return None
        raise Denied(
            f"{program}: failed for {server} (exit code {code})",
            hint=f"see why: echo {server} | {program} get",
        )
    return _from_helper(answer, program, server)


def _output(command: Sequence[str], given: bytes, environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Return a program's exit code and what it writes, as far as MOST; it is not read beyond."""
    end = time.monotonic() + HELPER_SECONDS
    process = subprocess.Popen(
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environ),
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.write(given)
            process.stdin.close()
            output = _read_until(process.stdout, end)
            if len(output) > MOST:
                process.kill()
            process.wait(max(0.0, end - time.monotonic()))
        except BaseException:
            process.kill()
            raise
    return process.returncode, output


def _read_until(stream: IO[bytes], end: float) -> bytes:
    output = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while len(output) <= MOST:
            if not ready.select(max(0.0, end - time.monotonic())):
                raise subprocess.TimeoutExpired("docker-credential", HELPER_SECONDS)
            piece = os.read(stream.fileno(), 1 << 16)
            if not piece:
                break
            output += piece
    return bytes(output)


def _from_helper(answer: bytes, program: str, server: str) -> Credentials:
    try:
        content = json.loads(answer)
        username, secret = content["Username"], content["Secret"]
        usable = _is_unicode(username) and _is_unicode(secret)
    except (ValueError, KeyError, TypeError, RecursionError):
        usable = False
    if not usable or not isinstance(username, str) or not isinstance(secret, str):
        raise Denied(f"{program}: its answer for {server} is not what helpers say")
    if username == _TOKEN_USER:
        return Credentials(program, identity_token=secret)
    return Credentials(program, username, secret)
