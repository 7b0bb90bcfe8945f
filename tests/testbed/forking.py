"""Commands in forks of a warm interpreter, which take a fifth of the time of a fresh process.

Each test process has one `fork_server`. A command is only forked where nothing that an interpreter
looks at when it starts is the test's subject: `can_fork` tells.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

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
        asker, its_asker = (stack.enter_context(end) for end in socket.socketpair())
        its_stdin, given = _pipe(stack)
        stdout, its_stdout = _pipe(stack)
        stderr, its_stderr = _pipe(stack)
        given.write(stdin)
        given.close()
        its = (its_stdin, its_stdout, its_stderr, its_asker)
        _server(executable).fork([end.fileno() for end in its])
        for end in its:
            end.close()
        request = json.dumps([arguments, str(directory), dict(environment), before]).encode()
        asker.sendall(struct.pack("!I", len(request)) + request)
        try:
            told = _read((stdout, stderr), deadline)
            asker.settimeout(_left(deadline))
            [code] = struct.unpack("!i", asker.recv(4))
        except TimeoutError:
            raise subprocess.TimeoutExpired([str(executable), *arguments], timeout) from None
        return Ended(code, *told)


class _Server:
    """The warm interpreter. It ends with this process."""

    def __init__(self, executable: Path) -> None:
        self._one_message = threading.Lock()
        self._control, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(executable), str(its.fileno())],
                # As its children's: what `sys` has for them is made when an interpreter starts.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[its.fileno()],
                env=_STANDARD,
            )
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


def _server(executable: Path) -> _Server:
    with _starting:
        return _server_of(executable)


@functools.cache
def _server_of(executable: Path) -> _Server:
    return _Server(executable)


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
