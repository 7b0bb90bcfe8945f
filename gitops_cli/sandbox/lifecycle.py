"""Bring a sandbox up and take it down. The server is another process; it outlives this one."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from gitops_cli.domain.errors import ClusterError, ConfigurationError
from gitops_cli.sandbox.borrowed import Borrowed, make_borrowed
from gitops_cli.sandbox.place import SandboxPlace, cache_directory, default_place
from gitops_cli.sandbox.repositories import make_repositories
from gitops_cli.sandbox.samples import HOTFIX
from gitops_cli.sandbox.timeline import CLUSTER
from gitops_cli.web.address import parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, HttpRequest
from gitops_cli.web.pool import Pool

_HANDSHAKE = "gitops-sandbox"  # the emulator's path of that name
_STARTS = 60.0  # seconds a server may take to answer
_STOPS = 5.0
_TRIES = 100  # each but the last needs a `down` that came in between


class RunningServer(NamedTuple):
    """A server that answers. `started`: seconds since the epoch; `fresh`: by this very call."""

    server: str  # its URL with the secret
    pid: int
    started: float
    fresh: bool

    @property
    def address(self) -> str:
        """Return where it listens, without the secret."""
        return urlsplit(self.server).netloc


class Sandbox(NamedTuple):
    """A sandbox, up or not."""

    place: SandboxPlace

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that point gitops and kubectl at it."""
        return {"GITOPS_REPO": str(self.place.state), "KUBECONFIG": str(self.place.kubeconfig)}

    @property
    def context(self) -> str:
        """Return the kubeconfig's context."""
        return CLUSTER

    @property
    def broken_version(self) -> str:
        """Return the commit of `frontend` whose image does not exist; the sandbox is up."""
        branch = self.place.source("frontend") / ".git/refs/heads" / HOTFIX
        return branch.read_text().strip()

    def newest(self, service: str) -> str:
        """Return the newest commit of a service; the sandbox is up."""
        return (self.place.source(service) / ".git/refs/heads/main").read_text().strip()

    def up(self, *, owner: int | None = None) -> RunningServer:
        """Make what is missing and start the server, or return the one that is up already.

        With an `owner`, a process id, all of it ends with that process, however that ends.
        Raises ConfigurationError (no extra, somebody else's directory), GitError, ClusterError.
        """
        _need_extra()
        place = self.place
        with _held(place):
            running = self.find()
            if running is not None:
                return running
            if not place.marker.exists():
                for path in (place.remote, place.state, place.sources):  # of one that was killed
                    shutil.rmtree(path, ignore_errors=True)
                make_repositories(place)
                place.marker.write_text("`gitops sandbox down` removes this\n")
            return self._start(owner)

    def borrow(self, context: str) -> Borrowed:
        """Make repositories for a cluster of the user's; return what they need there.

        Raises ConfigurationError, GitError.
        """
        with _held(self.place):
            return make_borrowed(self.place, f"gitops-{self.place.directory.name}", context)

    def find(self) -> RunningServer | None:
        """Return the server if it is up."""
        try:
            record = json.loads(self.place.record.read_text())
            answer = _ask("GET", record["server"])
            if answer["directory"] != str(self.place.directory):
                return None
            return RunningServer(record["server"], answer["pid"], answer["started"], fresh=False)
        except (OSError, ValueError, KeyError, Broken):
            return None

    def down(self) -> bool:
        """Stop the server and remove what `up` made; False if there was nothing.

        The server is asked to stop, never killed by a process id that may be another's by now.
        Files that somebody else put into the directory stay.
        """
        place = self.place
        if not _is_sandbox(place):
            return False
        with _held(place):
            running = self.find()
            if running is not None:
                with suppress(ValueError, Broken):
                    _ask("DELETE", running.server)
                _wait_gone(place)
            place.remove()
        return True

    def _start(self, owner: int | None) -> RunningServer:
        place = self.place
        place.record.unlink(missing_ok=True)
        owners = [] if owner is None else [str(owner)]
        with place.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gitops_cli.sandbox", str(place.directory), *owners],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place.directory,
                start_new_session=True,  # Ctrl-C in this terminal is not meant for it
            )
        deadline = time.monotonic() + _STARTS
        while time.monotonic() < deadline and process.poll() is None:
            found = self.find()
            if found is not None:
                process.returncode = 0  # nobody will wait for it, and Popen would warn of that
                return found._replace(fresh=True)
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise ClusterError(f"the emulated cluster did not start: {_last_line(place.log)}")


def sandbox_in(directory: Path | None) -> Sandbox:
    """Return the sandbox in a directory; None: in the user's cache."""
    return Sandbox(default_place() if directory is None else SandboxPlace(directory.absolute()))


def new_sandbox() -> Sandbox:
    """Return a sandbox in a new directory of the user's cache."""
    return Sandbox(SandboxPlace(cache_directory() / f"demo-{secrets.token_hex(3)}"))


def _need_extra() -> None:
    if importlib.util.find_spec("jsonpatch") is None:
        raise ConfigurationError(
            "the sandbox and the demo need an extra that is not installed",
            hint="pip install 'gitops-cli[sandbox]'",
        )


def _is_sandbox(place: SandboxPlace) -> bool:
    return place.marker.exists() or place.lock.exists()


@contextmanager
def _held(place: SandboxPlace) -> Iterator[None]:
    """Make the directory, and let one process at a time make or remove what is in it.

    Raises ConfigurationError: somebody else's directory, or none that can be made.
    """
    for _ in range(_TRIES):
        _make_directory(place)
        try:
            lock = place.lock.open("w")
        except FileNotFoundError:  # a `down` took the directory away again
            continue
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_there(lock, place.lock):
                yield
                return
    raise ConfigurationError(f"{place.directory} cannot be made, or is removed again and again")


def _make_directory(place: SandboxPlace) -> None:
    try:
        place.directory.mkdir(parents=True, exist_ok=True)
        # Looked at once: another `up` may write its lock at any moment.
        found = {path.name for path in place.directory.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"{place.directory}: {error.strerror}") from error
    if found and found.isdisjoint({place.marker.name, place.lock.name}):
        raise ConfigurationError(
            f"{place.directory} is not empty and no sandbox",
            hint="name a new directory with --dir",
        )


def _is_there(lock: IO[str], path: Path) -> bool:
    """Tell whether an open file still is the one of that name; `down` removes it."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _wait_gone(place: SandboxPlace) -> None:
    deadline = time.monotonic() + _STOPS
    while place.record.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _ask(method: str, server: str) -> dict[str, Any]:
    """Shake hands with a server (GET) or stop it (DELETE)."""
    pool = Pool(Site(parse_address(server)))
    try:
        response = pool.send(HttpRequest(method, f"/{_HANDSHAKE}"), timeout=10)
    finally:
        pool.close()
    answer = json.loads(response.body)
    if response.status != 200 or not isinstance(answer, dict):
        raise ValueError("somebody else's server")
    return answer
