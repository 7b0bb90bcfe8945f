"""Commands in forks of a warm interpreter, which take a fifth of the time of a fresh process.

Each test process has one `fork_server` for pipes and one for terminals. A command is only forked
where nothing that an interpreter looks at when it starts is the test's subject: `can_fork` tells.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from pexpect.fdpexpect import fdspawn

_SERVER = Path(__file__).with_name("fork_server.py")
_STANDARD = {"LANG": "C.UTF-8"}
"""What the server starts with, as the commands of nearly all tests do."""
OF_A_START = ("PYTHON", "LANG", "LC_", "LD_", "OPENSSL_", "TYPER_", "COVERAGE_", "COV_CORE_")
"""How variables begin that are looked at when an interpreter starts, or a module is loaded."""
_FITS_A_PIPE = 4096


class Ended(NamedTuple):
    """How a command ended: its exit code, negative for a signal, and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


def can_fork(directory: Path, environment: Mapping[str, str], stdin: bytes) -> bool:
    """Tell whether a fork cannot be told from a process that starts there."""
    asked = {name: value for name, value in environment.items() if name.startswith(OF_A_START)}
    return asked == _STANDARD and directory.is_dir() and len(stdin) <= _FITS_A_PIPE


def run_in_fork(
    executable: Path,
    arguments: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    stdin: bytes,
    timeout: float,
    before: str = "",
) -> Ended:
    """Run a command to its end, with pipes as its streams; it is killed when this is left early.

    `before` is Python that is run in its process first: see `fork_server.Request`.

    Raises TimeoutExpired after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        its_stdin, given = _pipe(stack)
        stdout, its_stdout = _pipe(stack)
        stderr, its_stderr = _pipe(stack)
        given.write(stdin)
        given.close()
        its = (its_stdin, its_stdout, its_stderr)
        request = (arguments, str(directory), dict(environment), before)
        fork = stack.enter_context(_Fork(executable, [end.fileno() for end in its], request))
        for end in its:
            end.close()
        try:
            told = _read((stdout, stderr), deadline)
            code = fork.wait(_left(deadline))
        except TimeoutError:
            raise subprocess.TimeoutExpired([str(executable), *arguments], timeout) from None
        return Ended(code, *told)


class Beside:
    """A forked command that runs beside the test, which uses it as a `subprocess.Popen` in text."""

    def __init__(
        self,
        executable: Path,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.args = [str(executable), *arguments]
        self.returncode: int | None = None
        request = (arguments, str(directory), dict(environment), "")
        pipes = [os.pipe(), os.pipe()]
        its = [os.open(os.devnull, os.O_RDONLY), *(writing for _, writing in pipes)]
        self.stdout, self.stderr = (open(read, encoding="utf-8") for read, _ in pipes)  # noqa: PTH123, SIM115
        try:
            self._fork = _Fork(executable, its, request)
        finally:
            for end in its:
                os.close(end)
        self.pid = self._fork.pid

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Await its end, or kill it where the test has failed."""
        with self._fork:
            if kind is not None:
                self.kill()
            self.stdout.close()
            self.stderr.close()
            self.wait()

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._fork.ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            try:
                self.returncode = self._fork.wait(timeout)
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what is left to read, once it has ended."""
        open_still = [file for file in (self.stdout, self.stderr) if not file.closed]
        found = dict.fromkeys(open_still, "")
        readers = [
            threading.Thread(target=lambda file=file: found.update({file: file.read()}))
            for file in open_still
        ]
        deadline = None if timeout is None else time.monotonic() + timeout
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if deadline is None else max(0, deadline - time.monotonic()))
        if any(reader.is_alive() for reader in readers):
            self.kill()
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if deadline is None else max(0.001, deadline - time.monotonic()))
        with self._fork:
            self.stdout.close()
            self.stderr.close()
        return found.get(self.stdout, ""), found.get(self.stderr, "")

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class InTerminal(fdspawn):  # type: ignore[misc]  # pexpect has no types
    """A forked command on a pseudo-terminal, with all that pexpect knows of one that it starts."""

    def __init__(
        self,
        executable: Path,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        dimensions: tuple[int, int],
    ) -> None:
        terminal, its = os.openpty()
        super().__init__(terminal, timeout=None, encoding="utf-8", codec_errors="replace")
        self.setwinsize(*dimensions)
        request = (arguments, str(directory), dict(environment), "")
        try:
            self._fork = _Fork(executable, [its, its, its], request)
        finally:
            os.close(its)

    def setwinsize(self, rows: int, columns: int) -> None:
        termios.tcsetwinsize(self.child_fd, (rows, columns))

    def isalive(self) -> bool:
        """Tell whether it runs; if not, note how it has ended."""
        if self.exitstatus is None and self.signalstatus is None:
            code = self._fork.ended()
            if code is not None:
                self.exitstatus, self.signalstatus = (None, -code) if code < 0 else (code, None)
        return self.exitstatus is None and self.signalstatus is None

    def kill(self, number: int) -> None:
        if self.isalive():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(self._fork.pid, number)

    def close(self, *, force: bool = True) -> None:
        """Hang up, kill it, and return when it has ended."""
        super().close()
        with self._fork:
            if force and self.isalive():
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(self._fork.pid, signal.SIGKILL)
                self._fork.wait(None)


class _Fork:
    """A command in a fork, which is killed where this is closed before it has ended."""

    def __init__(self, executable: Path, streams: Sequence[int], request: Sequence[Any]) -> None:
        self._told, its = socket.socketpair()
        with its:
            server = _server(executable, terminal=os.isatty(streams[0]))
            server.fork([*streams, its.fileno()])
        text = json.dumps(request).encode()
        self._told.sendall(struct.pack("!I", len(text)) + text)
        [self.pid] = struct.unpack("!i", self._told.recv(4))

    def __enter__(self) -> _Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self._told.close()

    def ended(self) -> int | None:
        """Return its exit code, negative for a signal, or None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def wait(self, seconds: float | None) -> int:
        """Return its exit code when it has ended; raise TimeoutError if that takes longer."""
        self._told.settimeout(seconds)
        [code] = struct.unpack("!i", self._told.recv(4))
        return int(code)


class _Server:
    """The warm interpreter. It ends with this process."""

    def __init__(self, executable: Path, *, terminal: bool) -> None:
        self._one_message = threading.Lock()
        self._control, its = socket.socketpair()
        # As its children's: what `sys` has for them is made when an interpreter starts, and
        # modules ask what they are when they are loaded.
        self._terminal, stream = os.openpty() if terminal else (None, subprocess.PIPE)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(executable), str(its.fileno())],
                stdin=stream,
                stdout=stream,
                stderr=stream,
                pass_fds=[its.fileno()],
                env=_STANDARD,
            )
        if terminal:
            os.close(stream)
        atexit.register(self._close)

    def fork(self, files: Sequence[int]) -> None:
        """Let a child begin with these files; its request follows on the last of them."""
        try:
            with self._one_message:
                socket.send_fds(self._control, [b"!"], files)
        except OSError as error:
            raise AssertionError(f"no fork server: {self._process.communicate()}") from error

    def _close(self) -> None:
        self._control.close()
        self._process.communicate()


_starting = threading.Lock()


def _server(executable: Path, *, terminal: bool) -> _Server:
    with _starting:
        return _server_of(executable, terminal)


@functools.cache
def _server_of(executable: Path, terminal: bool) -> _Server:
    return _Server(executable, terminal=terminal)


def _pipe(stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return (
        stack.enter_context(open(reading, "rb", buffering=0)),  # noqa: PTH123 (a descriptor)
        stack.enter_context(open(writing, "wb", buffering=0)),  # noqa: PTH123
    )


def _read(files: Sequence[IO[bytes]], deadline: float) -> list[bytes]:
    """Return all that is written into pipes until nobody has them open."""
    found: dict[int, list[bytes]] = {file.fileno(): [] for file in files}
    with selectors.DefaultSelector() as open_still:
        for file in files:
            open_still.register(file, selectors.EVENT_READ)
        while open_still.get_map():
            ready = open_still.select(_left(deadline))
            for key, _ in ready:
                if data := os.read(key.fd, 65536):
                    found[key.fd].append(data)
                else:
                    open_still.unregister(key.fileobj)
    return [b"".join(pieces) for pieces in found.values()]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
