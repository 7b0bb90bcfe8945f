"""Runs kustomize, helm and sops: private files, no network unless it is allowed, and limits.

What they render was written by whoever may push. So they find no configuration and no credentials
of the user, no program to start, and nothing outside of a private copy of the repository's files.
"""

from __future__ import annotations

import os
import select
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError, TimedOut
from gitops_cli.domain.text import one_line, without_secrets

SECONDS = 60.0
MOST_OUTPUT = 32 << 20
_MOST_WORDS = 2_000  # characters of a failure
_CHUNK = 1 << 16
_WAY = ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
_NOWHERE = "http://127.0.0.1:9"  # discard: what is not allowed to connect gets no answer


class Workspace(NamedTuple):
    """A private copy of files, and a home of its own for what works on them."""

    files: Path
    home: Path


@contextmanager
def exported(files: Mapping[str, bytes]) -> Iterator[Workspace]:
    """Yield a private directory with these files, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitops-manifests-") as name:
        place = Workspace(Path(name) / "files", Path(name) / "home")
        place.home.mkdir(parents=True)
        place.files.mkdir()
        for path, data in files.items():
            file = place.files / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield place


def find(*names: str) -> str | None:
    """Return the first of these programs that is on PATH."""
    return next((found for name in names if (found := shutil.which(name)) is not None), None)


def run(command: Sequence[str], place: Workspace, *, directory: str, network: bool) -> bytes:
    """Return what a program makes of a directory.

    Raises ConfigurationError with its words if it fails, TimedOut.
    """
    words = command if network else [*apart(), *command]
    environment = _environment(place.home, network=network)
    done = piped(words, cwd=place.files, env=environment, name=Path(command[0]).name)
    if done.code != 0:
        name = Path(command[0]).name
        raise ConfigurationError(
            f"{directory}: {name} cannot render it: {_told(done.words, place)}"
        )
    return done.out


class ProgramEnd(NamedTuple):
    """How a program ended, and what it wrote to its two streams."""

    code: int
    out: bytes
    words: bytes


def piped(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], name: str, given: bytes = b""
) -> ProgramEnd:
    """Run a program on pipes alone, without a terminal. Raises ConfigurationError, TimedOut."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + SECONDS
    try:
        out, words = _exchanged(process, name, until, given)
        return ProgramEnd(_ended(process, name, until), out, words)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def _ended(process: subprocess.Popen[bytes], name: str, until: float) -> int:
    try:
        return process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _late(name) from error


def _late(name: str) -> TimedOut:
    return TimedOut(f"{name} did not end within {SECONDS:g} s")


@cache
def apart() -> tuple[str, ...]:
    """Return what starts a program with no network at all, where the system lets us.

    Without it proxies that lead nowhere stop all but the services of this very machine: Go goes to
    those past any proxy (`net/http.ProxyFromEnvironment`).
    """
    program = find("unshare")
    if program is None:
        return ()
    words = (program, "--map-root-user", "--net", "--")
    tried = subprocess.run(
        [*words, program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return words if tried.returncode == 0 else ()


def _told(words: bytes, place: Workspace) -> str:
    text = words.decode(errors="replace").replace(f"{place.files}/", "")
    return one_line(without_secrets(text))[:_MOST_WORDS] or "it does not say why"


def _environment(home: Path, *, network: bool) -> dict[str, str]:
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C",
        "PATH": os.environ.get("PATH", os.defpath) if network else "",
        "HELM_NO_PLUGINS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:ssh",
    }
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        environment[f"XDG_{kind}_HOME"] = str(home)
    return environment | (ways(os.environ) if network else nowhere())


def nowhere() -> dict[str, str]:
    """Return the variables that let a program connect to nothing that is not this machine."""
    return dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE)


def ways(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say how this machine reaches others."""
    names = [*_WAY, *(name.upper() for name in _WAY)]
    return {name: environ[name] for name in names if name in environ}


def _exchanged(
    process: subprocess.Popen[bytes], name: str, until: float, given: bytes
) -> tuple[bytes, bytes]:
    """Give a process its input, and return what it writes to its two streams, within limits."""
    found: dict[str, bytearray] = {"out": bytearray(), "words": bytearray()}
    left_to_give = memoryview(given)
    assert process.stdin is not None
    with selectors.DefaultSelector() as selector:
        if given:
            selector.register(process.stdin, selectors.EVENT_WRITE, None)
        else:
            process.stdin.close()
        for stream, key in ((process.stdout, "out"), (process.stderr, "words")):
            assert stream is not None
            selector.register(stream, selectors.EVENT_READ, key)
        while selector.get_map():
            left = until - time.monotonic()
            if left <= 0:
                raise _late(name)
            for ready, _ in selector.select(left):
                if ready.data is None:
                    left_to_give = left_to_give[_taken(ready.fd, left_to_give) :]
                    if not left_to_give:
                        selector.unregister(ready.fileobj)
                        process.stdin.close()
                    continue
                data = os.read(ready.fd, _CHUNK)
                if not data:
                    selector.unregister(ready.fileobj)
                found[ready.data] += data
                if len(found[ready.data]) > MOST_OUTPUT:
                    raise ConfigurationError(f"{name} writes more than {MOST_OUTPUT >> 20} MiB")
    return bytes(found["out"]), bytes(found["words"])


def _taken(pipe: int, data: memoryview) -> int:
    """Return how much of the data a program takes; all, where it does not want any more."""
    try:
        return os.write(pipe, data[: select.PIPE_BUF])
    except BrokenPipeError:
        return len(data)
