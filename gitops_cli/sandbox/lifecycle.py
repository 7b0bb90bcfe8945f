"""Bring a sandbox up and take it down. The server is another process; it outlives this one."""

from __future__ import annotations

import fcntl
import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gitops_cli.domain.errors import ClusterError, ConfigurationError
from gitops_cli.sandbox.place import Place
from gitops_cli.sandbox.repositories import make_repositories

_HANDSHAKE = "gitops-sandbox"  # the emulator's path of that name
_STARTS = 20.0  # seconds a server may take to answer
_STOPS = 5.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is up. `started`: seconds since the epoch; `fresh`: not up before."""

    place: Place
    server: str
    pid: int
    started: float
    fresh: bool


def up(place: Place) -> Sandbox:
    """Make what is missing and start the server, or return what is up already.

    Raises ConfigurationError (no extra, a directory of somebody else), GitError, ClusterError.
    """
    _need_extra()
    _make_directory(place)
    with _alone(place):
        running = find(place)
        if running is not None:
            return running
        if not place.marker.exists():
            for path in (place.remote, place.state, place.sources):  # of an `up` that was killed
                shutil.rmtree(path, ignore_errors=True)
            make_repositories(place)
            place.marker.write_text(
                "made by `gitops sandbox up`; `gitops sandbox down` removes it\n"
            )
        return _start(place)


def find(place: Place) -> Sandbox | None:
    """Return the sandbox if its server answers."""
    try:
        record = json.loads(place.record.read_text())
        answer = _ask("GET", record["server"])
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    if answer.get("directory") != str(place.directory):
        return None
    return Sandbox(place, record["server"], answer["pid"], answer["started"], fresh=False)


def down(place: Place) -> bool:
    """Stop the server and remove what `up` made; False if there was nothing.

    The server is asked through its secret path, never killed by a process id that may be another's
    by now. Files that somebody else put into the directory stay.
    """
    if not _is_sandbox(place):
        return False
    with _alone(place):
        running = find(place)
        if running is not None:
            with suppress(OSError, http.client.HTTPException):
                _ask("DELETE", running.server)
            _wait_gone(place)
        for path in place.files:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):  # something else is in it
        place.directory.rmdir()
    return True


def _need_extra() -> None:
    if importlib.util.find_spec("jsonpatch") is None:
        raise ConfigurationError(
            "the sandbox and the demo need an extra that is not installed",
            hint="pip install 'gitops-cli[sandbox]'",
        )


def _is_sandbox(place: Place) -> bool:
    return place.marker.exists() or place.lock.exists()


def _make_directory(place: Place) -> None:
    try:
        place.directory.mkdir(parents=True, exist_ok=True)
        strangers = not _is_sandbox(place) and any(place.directory.iterdir())
    except OSError as error:
        raise ConfigurationError(f"{place.directory}: {error.strerror}") from error
    if strangers:
        raise ConfigurationError(
            f"{place.directory} is not empty and no sandbox",
            hint="name a new directory with --dir",
        )


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Let one process at a time make or remove the sandbox."""
    with place.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(place: Place) -> Sandbox:
    place.record.unlink(missing_ok=True)
    with place.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gitops_cli.sandbox", str(place.directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.directory,
            start_new_session=True,  # Ctrl-C in this terminal is not meant for it
        )
    deadline = time.monotonic() + _STARTS
    while time.monotonic() < deadline:
        found = find(place)
        if found is not None:
            # Nobody waits for the server, so its Popen would warn when it is forgotten.
            process.returncode = 0
            return Sandbox(place, found.server, found.pid, found.started, fresh=True)
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise ClusterError(f"the emulated cluster did not start: {_last_line(place.log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _wait_gone(place: Place) -> None:
    deadline = time.monotonic() + _STOPS
    while place.record.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _ask(method: str, server: str) -> dict[str, Any]:
    """Shake hands with a server (GET) or stop it (DELETE)."""
    url = urlsplit(server)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=3)
    try:
        connection.request(method, f"{url.path}/{_HANDSHAKE}")
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    if response.status != 200 or not isinstance(answer, dict):
        raise ValueError("somebody else's server")
    return answer


def environment(place: Place) -> dict[str, str]:
    """Return the variables that point gitops and kubectl at the sandbox."""
    return {"GITOPS_REPO": str(place.state), "KUBECONFIG": os.fspath(place.kubeconfig)}
