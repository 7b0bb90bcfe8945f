"""Exec plugins: programs that a kubeconfig names to log in, run as kubectl runs them.

The `kubernetes` package runs them as well, but hides what they ask a person for when standard
output is no terminal, looks for them beside the wrong file, and loses their words when they fail.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from gitops_cli.cluster.kubefile import MOST_BYTES, NamedPart, PemSource, beside, header_value
from gitops_cli.domain.errors import ConfigurationError, Denied
from gitops_cli.domain.text import one_line

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_MODES = ("Never", "IfAvailable", "Always")
_EXTENSION = f"{_GROUP}/exec"
_SILENCE = 2.0  # seconds; one that takes longer waits for a person, who must see what it says
_MOST_WORDS = 4000  # characters of a failure that are kept


class Plugin(NamedTuple):
    """How to start one. `wants_cluster`: it is told of the cluster, and the `settings` there."""

    command: str
    arguments: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    version: str
    mode: str
    wants_cluster: bool
    settings: Any
    hint: str | None
    place: str

    def __repr__(self) -> str:
        return f"Plugin({self.command!r})"  # arguments and variables may be secrets


class Credential(NamedTuple):
    """What a login gave; `until` is in seconds of time.time()."""

    token: str | None = None
    certificate: PemSource | None = None
    key: PemSource | None = None
    until: float | None = None

    def __repr__(self) -> str:
        return f"Credential(until={self.until})"

    def shows(self, other: Credential) -> bool:
        """Tell whether both show the same certificate, if any."""
        return (self.certificate, self.key) == (other.certificate, other.key)


def plugin_of(user: NamedPart, cluster: NamedPart) -> Plugin | None:
    """Return a user's plugin; raises ConfigurationError for what kubectl refuses."""
    said: Mapping[str, Any] | None = user.content.get("exec")
    if said is None:
        return None
    place = f"{user.place}.exec"
    version, command = said.get("apiVersion"), said.get("command")
    if not command:
        raise ConfigurationError(f"{place}: has no command")
    if version not in _VERSIONS:
        known = " or ".join(_VERSIONS)
        raise ConfigurationError(f"{place}.apiVersion: must be {known}")
    mode = said.get("interactiveMode") or ("IfAvailable" if version == _VERSIONS[1] else "")
    if mode not in _MODES:
        raise ConfigurationError(f"{place}.interactiveMode: must be one of {', '.join(_MODES)}")
    variables = [(str(v.get("name") or ""), v.get("value") or "") for v in said.get("env") or ()]
    if not all(name for name, _ in variables):
        raise ConfigurationError(f"{place}.env: a variable has no name")
    if os.sep in command:
        command = str(beside(user.file, command))
    return Plugin(
        command,
        tuple(argument or "" for argument in said.get("args") or ()),
        tuple(variables),
        version,
        mode,
        said.get("provideClusterInfo") is True,
        _settings(cluster),
        said.get("installHint") or None,
        place,
    )


def _settings(cluster: NamedPart) -> Any:
    for extension in cluster.content.get("extensions") or ():
        if extension.get("name") == _EXTENSION:
            return extension.get("extension")
    return None


class Run:
    """One run of a plugin. `end` stops it from another thread."""

    def __init__(
        self,
        plugin: Plugin,
        cluster: Mapping[str, Any] | None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._plugin = plugin
        self._cluster = cluster
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def credential(self) -> Credential:
        """Run it and return what it gave; raises Denied, ConfigurationError, TimeoutError if
        it was stopped.
        """
        plugin = self._plugin
        interactive = self._interactive()
        words = _Words(self._tell)
        try:
            self._process = subprocess.Popen(
                [_program(plugin), *plugin.arguments],
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words.target,
                env=self._environment(interactive),
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise _failed(plugin, f"cannot be started: {why}") from error
        if self._ended:
            self.end()
        words.follow(self._process.stderr)
        with self._process.stdout or io.BytesIO() as stdout:
            out = stdout.read(MOST_BYTES)
        code = self._process.wait()
        if self._ended:
            raise TimeoutError
        said = words.last()
        if code != 0:
            raise _failed(plugin, f"ended with exit code {code}{f': {said}' if said else ''}")
        return _credential(plugin, out)

    def end(self) -> None:
        """Stop it, now or as soon as it has started."""
        self._ended = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _interactive(self) -> bool:
        if self._plugin.mode == "Never":
            return False
        terminal = sys.stdin is not None and sys.stdin.isatty()
        if self._plugin.mode == "Always" and not terminal:
            raise _failed(self._plugin, "must ask somebody, and standard input is no terminal")
        return terminal

    def _environment(self, interactive: bool) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": interactive}
        if self._cluster is not None:
            spec["cluster"] = self._cluster
        asked = {"kind": "ExecCredential", "apiVersion": self._plugin.version, "spec": spec}
        told = {"KUBERNETES_EXEC_INFO": json.dumps(asked)}
        return {**os.environ, **dict(self._plugin.variables), **told}


class _Words:
    """What a plugin says on standard error.

    A terminal is the plugin's own, prompts and colours included. Otherwise `tell` gets its lines
    once it takes long; if it fails soon, they are part of the failure.
    """

    def __init__(self, tell: Callable[[str], None] | None) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self.target = None if terminal else subprocess.PIPE
        self._tell = tell or (lambda _: None)
        self._tail = b""
        self._untold = b""
        self._thread: threading.Thread | None = None

    def follow(self, stream: IO[bytes] | None) -> None:
        if stream is not None:
            self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
            self._thread.start()

    def last(self) -> str:
        """Return the end of what it said, on one line; nothing where the terminal has it."""
        if self._thread is not None:
            self._thread.join(1.0)  # a child of the plugin may hold the pipe open
        return one_line(self._tail.decode("utf-8", "replace"))

    def _listen(self, stream: IO[bytes]) -> None:
        patient_until = time.monotonic() + _SILENCE
        with stream, selectors.DefaultSelector() as ready:
            ready.register(stream, selectors.EVENT_READ)
            while True:
                idle = not ready.select(_SILENCE / 4)
                if not idle:
                    piece = os.read(stream.fileno(), 4096)
                    if not piece:
                        return
                    self._tail = (self._tail + piece)[-_MOST_WORDS:]
                    self._untold = (self._untold + piece)[-_MOST_WORDS:]
                if time.monotonic() > patient_until:
                    self._tell_lines(with_rest=idle)  # a prompt ends without a line feed

    def _tell_lines(self, *, with_rest: bool) -> None:
        *lines, rest = self._untold.split(b"\n")
        self._untold = b"" if with_rest else rest
        for line in [*lines, rest] if with_rest else lines:
            if words := one_line(line.decode("utf-8", "replace")):
                self._tell(words)


def _program(plugin: Plugin) -> str:
    """Return what to start. As in Go the current directory is not searched, whatever PATH says."""
    found = shutil.which(plugin.command)
    if found is None:
        raise _failed(plugin, "is not installed", hint=plugin.hint)
    if not Path(found).is_absolute():
        raise _failed(plugin, "would be the one in the current directory; write its whole path")
    return found


def _failed(plugin: Plugin, why: str, *, hint: str | None = None) -> Denied:
    name = one_line(plugin.command)
    return Denied(
        f"the exec plugin gave no credentials: `{name}` {why}",
        hint=hint or f"{plugin.place}: run it to see what it says",
    )


def _credential(plugin: Plugin, out: bytes) -> Credential:
    try:
        answer = json.loads(out)
    except (ValueError, RecursionError) as error:
        raise _failed(plugin, "did not print JSON") from error
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict):
        raise _failed(plugin, "printed no `status`")
    if (answer.get("kind"), answer.get("apiVersion")) != ("ExecCredential", plugin.version):
        raise _failed(plugin, f"did not print an ExecCredential of {plugin.version}")
    token, certificate, key = (
        _text(plugin, status, name) for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if (certificate is None) != (key is None):
        raise _failed(plugin, "printed only one of certificate and key")
    if token is None and certificate is None:
        raise _failed(plugin, "printed neither a token nor a certificate")
    return Credential(
        header_value(token, f"the token of `{one_line(plugin.command)}`") if token else None,
        PemSource(data=certificate.encode()) if certificate else None,
        PemSource(data=key.encode()) if key else None,
        _until(plugin, _text(plugin, status, "expirationTimestamp")),
    )


def _text(plugin: Plugin, status: Mapping[str, Any], name: str) -> str | None:
    value = status.get(name)
    if value is not None and not isinstance(value, str):
        raise _failed(plugin, f"printed a `{name}` that is no text")
    return value or None


def _until(plugin: Plugin, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _failed(plugin, "printed an `expirationTimestamp` that is no time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
