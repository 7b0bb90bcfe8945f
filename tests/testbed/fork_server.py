"""An interpreter that has loaded what commands load, and forks for each command.

Run as a script by `forking`, with the installed command's path and a socket. A message on that
socket is a byte with four files: stdin, stdout, stderr, and a socket of the command's own, from
which the child reads its request. The child becomes what a fresh process is at the first line of
the installed command, and ends like one; where its streams are a terminal, it leads it. The server
writes to the command's socket the child's number and then how it has ended; if the other end is
closed before, it kills the child.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    EXECUTABLE, CONTROL = sys.argv[1:]
    sys.path[0] = EXECUTABLE.rpartition("/")[0]  # as the command has it; here is a `git` module

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import termios
import time
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

LATE = ("kubernetes", "questionary", "git", "typer.rich_utils", "prometheus_client", "sigstore")
"""They ask the environment or the machine when they are loaded: each command does it itself."""


class Request(NamedTuple):
    """What a child is to do."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]
    before: str
    """Python that does to the process what a shell would have done; `closed` is in reach."""


def load() -> None:
    """Import every module of ours that can be loaded without one of LATE."""
    barred: dict[str, Any] = dict.fromkeys(LATE)
    sys.modules.update(barred)
    package = importlib.import_module("gitops_cli")
    for module in pkgutil.walk_packages(package.__path__, "gitops_cli."):
        if not module.name.endswith(".__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if not str(error.name).startswith(LATE):  # or a module of theirs
                    raise
    for name in LATE:
        del sys.modules[name]


class Server:
    """Forks for each message. Only the children return from `serve`."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._askers: dict[int, socket.socket] = {}
        self._ended, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._poll = select.poll()

    def serve(self) -> Request:
        """Return in each child what it is to do."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for file in (self._control, self._ended):
            self._poll.register(file, select.POLLIN)
        while True:
            happened = {file for file, _ in self._poll.poll()}
            self._kill_unwanted(happened)
            if self._ended.fileno() in happened:
                self._reap()
            if self._control.fileno() in happened and (request := self._fork()):
                return request

    def _fork(self) -> Request | None:
        message, files, _, _ = socket.recv_fds(self._control, 1, 4)
        if not message:
            self._end()
        asker = socket.socket(fileno=files.pop())
        child = os.fork()
        if child == 0:
            return self._become_fresh(files, asker)
        for file in files:
            os.close(file)
        _tell(asker, child)
        self._askers[child] = asker
        self._poll.register(asker, 0)  # its end; what can be read from it is the child's
        return None

    def _become_fresh(self, streams: list[int], asker: socket.socket) -> Request:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(streams):
            os.dup2(file, number)  # the objects in `sys` are unused, and of pipes too
            os.close(file)
        if os.isatty(0):
            _lead(0)
        for inherited in (self._control, self._ended, self._woken, *self._askers.values()):
            inherited.close()
        with asker:
            request = Request(*json.loads(_receive(asker)))
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.directory)
        time.tzset()
        exec(request.before, {"closed": closed})
        return request

    def _reap(self) -> None:
        self._ended.recv(4096)
        while self._askers:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            with self._askers.pop(child) as asker:
                self._poll.unregister(asker)
                _tell(asker, os.waitstatus_to_exitcode(status))

    def _kill_unwanted(self, happened: set[int]) -> None:
        for child, asker in self._askers.items():
            if asker.fileno() in happened:
                os.kill(child, signal.SIGKILL)

    def _end(self) -> None:
        for child in self._askers:
            os.kill(child, signal.SIGKILL)
        os._exit(0)


def closed(name: str) -> None:
    """Let a stream be closed, as an interpreter finds it: `closed("stdout")`."""
    os.close(("stdin", "stdout", "stderr").index(name))
    for attribute in (name, f"__{name}__"):
        setattr(sys, attribute, None)


def _lead(terminal: int) -> None:
    """Be the one that the terminal's Ctrl-C is for."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _receive(asker: socket.socket) -> bytes:
    """Return a request's text; its length stands before it."""
    with asker.makefile("rb") as file:
        [length] = struct.unpack("!I", file.read(4))
        return file.read(length)


def _tell(asker: socket.socket, number: int) -> None:
    """Say a child's number, or its exit code; nobody may be there to hear it."""
    try:
        asker.sendall(struct.pack("!i", number))
    except BrokenPipeError:
        return


class Ending:
    """Ends a child without taking all that is loaded apart, page by page: that is half its time.

    What a command registered to be called at its end is called before, and its threads are awaited.
    """

    def __init__(self) -> None:
        self.code = 0
        self.interrupted = False
        atexit.register(self._leave)  # the first registered is the last called

    def run(self, script: CodeType, variables: dict[str, Any]) -> None:
        """Run a script to its end, and note with which code the interpreter will exit."""
        try:
            exec(script, variables)
        except SystemExit as wanted:
            self.code = (
                wanted.code if isinstance(wanted.code, int) else int(wanted.code is not None)
            )
            raise
        except BaseException as error:
            self.code = 1
            self.interrupted = isinstance(error, KeyboardInterrupt)
            raise

    def _leave(self) -> None:
        try:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
        except OSError:
            os._exit(120)  # as the interpreter does
        if self.interrupted:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(self.code)


def main(executable: str, control: int) -> None:
    """Serve; in a child, run the installed command's own script as the main module."""
    ending = Ending()
    load()
    script = compile(Path(executable).read_bytes(), executable, "exec")
    gc.collect()
    gc.freeze()  # else a collection in a child copies every page that is shared with it
    request = Server(socket.socket(fileno=control)).serve()
    sys.argv[:] = [executable, *request.arguments]
    command = ModuleType("__main__")
    command.__file__ = executable
    sys.modules["__main__"] = command
    ending.run(script, command.__dict__)


if __name__ == "__main__":
    main(EXECUTABLE, int(CONTROL))
