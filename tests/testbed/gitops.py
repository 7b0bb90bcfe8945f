"""Run the installed `gitops` as a user does: its own process, home and terminal."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pexpect
import pyte

from tests.testbed import schemas
from tests.testbed.forking import Beside, InTerminal, can_fork, run_in_fork
from tests.testbed.patience import PATIENCE

EXECUTABLE = Path(sys.executable).with_name("gitops")
AUTHOR = "Ada Lovelace"
EMAIL = "ada@example.com"
_KEYS = {
    "enter": "\r",
    "space": " ",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "backspace": "\x7f",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a finished command left: exit code (negative: the signal), stdout and stderr."""

    command: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return the one JSON document on stdout; fail if it is not as its schema says."""
        document = json.loads(self.stdout)
        if isinstance(document, dict) and "apiVersion" in document:
            schemas.check(document)
        return document

    def ok(self) -> Ran:
        """Return itself if the command succeeded; else fail, showing all it said."""
        assert self.code == 0, str(self)
        return self

    def __str__(self) -> str:
        command = " ".join(self.command)
        return f"{command}\nexit {self.code}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"


class Started(subprocess.Popen[str]):
    """A command that runs beside the test; a test that fails does not wait for its end."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Gitops:
    """The command with the environment and the directory it runs in. Immutable: `at` and `using`
    return another one with the same home.
    """

    home: Path
    directory: Path
    environment: Mapping[str, str]
    runner: tuple[str, ...] = ()
    """What starts it instead of us, such as strace and its options."""
    forks: bool = True
    """Whether a warm interpreter may be forked for it: see `forking`."""
    before: str = ""
    """Python that its process runs first: see `fork_server.Request`."""

    def at(self, directory: Path) -> Gitops:
        """Return the same, run in another directory."""
        return replace(self, directory=directory)

    def fresh(self) -> Gitops:
        """Return the same, in new processes only: where its start is what a test is about."""
        return replace(self, forks=False)

    def after(self, code: str) -> Gitops:
        """Return the same, forked, where Python code has been run in its process before."""
        return replace(self, before=code)

    def under(self, *runner: str) -> Gitops:
        """Return the same, started by another program."""
        return replace(self, runner=runner)

    def using(self, **variables: str | Path | None) -> Gitops:
        """Return the same with variables set, or removed where None: KUBECONFIG, CI, NO_COLOR …"""
        changed = dict(self.environment)
        for name, value in variables.items():
            changed.pop(name, None)
            if value is not None:
                changed[name] = str(value)
        return replace(self, environment=changed)

    def __call__(self, *arguments: str | Path, stdin: str = "", timeout: float = PATIENCE) -> Ran:
        """Run to the end, output into pipes."""
        command = ("gitops", *map(str, arguments))
        given = stdin.encode()
        forks = self.forks and not self.runner
        if forks and can_fork(self.directory, self.environment, given):
            ended = run_in_fork(
                EXECUTABLE,
                command[1:],
                directory=self.directory,
                environment=self.environment,
                stdin=given,
                timeout=timeout,
                before=self.before,
            )
            return Ran(command, ended.code, _as_text(ended.stdout), _as_text(ended.stderr))
        assert not self.before, "only a fork can do that first"
        done = subprocess.run(
            [*self.runner, str(EXECUTABLE), *command[1:]],
            input=given,
            capture_output=True,
            cwd=self.directory,
            env=self.environment,
            timeout=timeout,
            check=False,
        )
        return Ran(command, done.returncode, _as_text(done.stdout), _as_text(done.stderr))

    def start(self, *arguments: str | Path) -> Started | Beside:
        """Start without waiting, output into pipes. Use as a context manager."""
        if self.forks and can_fork(self.directory, self.environment, b""):
            return Beside(
                EXECUTABLE,
                [str(argument) for argument in arguments],
                directory=self.directory,
                environment=self.environment,
            )
        return Started(
            [str(EXECUTABLE), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.directory,
            env=self.environment,
        )

    def terminal(self, *arguments: str | Path, rows: int = 40, columns: int = 120) -> Terminal:
        """Start on a pseudo-terminal. Use as a context manager."""
        return Terminal(
            [str(EXECUTABLE), *map(str, arguments)],
            self.directory,
            {"TERM": "xterm-256color", **self.environment},
            rows=rows,
            columns=columns,
            forks=self.forks,
        )


def gitops_with_home(home: Path) -> Gitops:
    """Return the command with a new home: no configuration but a git identity."""
    folders = {f"XDG_{kind}_HOME": home / kind.lower() for kind in ("CONFIG", "CACHE", "STATE")}
    for folder in (home, *folders.values()):
        folder.mkdir(parents=True, exist_ok=True)
    (home / ".gitconfig").write_text(
        f"[user]\n\tname = {AUTHOR}\n\temail = {EMAIL}\n[init]\n\tdefaultBranch = main\n"
    )
    environment = {
        "PATH": f"{EXECUTABLE.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{name: str(folder) for name, folder in folders.items()},
    }
    for name, value in os.environ.items():  # coverage of subprocesses; a TMPDIR that is not /tmp
        if name.startswith(("COVERAGE_", "COV_CORE_", "TMPDIR")):
            environment[name] = value
    return Gitops(home, home.parent, environment)


class Terminal:
    """A process on a pseudo-terminal, and what its screen shows."""

    def __init__(
        self,
        command: list[str],
        directory: Path,
        environment: Mapping[str, str],
        *,
        rows: int,
        columns: int,
        forks: bool = False,
    ) -> None:
        self._screen = _Screen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.Stream(self._screen)
        start = self._fork if forks and can_fork(directory, environment, b"") else self._spawn
        self._process = start(command, directory, environment, (rows, columns))
        self._screen.answer = self._process.send
        self.transcript = ""
        self._text: str | None = None  # to draw it takes longer than to see that nothing came

    def _fork(
        self,
        command: list[str],
        directory: Path,
        environment: Mapping[str, str],
        dimensions: tuple[int, int],
    ) -> InTerminal:
        return InTerminal(
            Path(command[0]),
            command[1:],
            directory=directory,
            environment=environment,
            dimensions=dimensions,
        )

    def _spawn(
        self,
        command: list[str],
        directory: Path,
        environment: Mapping[str, str],
        dimensions: tuple[int, int],
    ) -> Any:
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork while threads run; here an exec follows at once.
            warnings.simplefilter("ignore", DeprecationWarning)
            return pexpect.spawn(
                command[0],
                command[1:],
                cwd=str(directory),
                env=dict(environment),
                dimensions=dimensions,
                encoding="utf-8",
                codec_errors="replace",
                timeout=None,
            )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close(force=True)

    @property
    def screen(self) -> str:
        """What the screen shows, without what was scrolled out of it."""
        self._read()
        return _text(self._screen.display)

    @property
    def text(self) -> str:
        """Everything that was shown, scrolled out or not, as it was left."""
        self._read()
        if self._text is None:
            self._text = self._all_lines()
        return self._text

    def _all_lines(self) -> str:
        scrolled = ["".join(line[x].data for x in sorted(line)) for line in self._screen.above()]
        return _text([*scrolled, *self._screen.display])

    def wait_for(self, text: str, *, timeout: float = PATIENCE) -> None:
        """Wait until the text is shown; white space at the end of a line does not count."""
        text = text.rstrip()
        deadline = time.monotonic() + timeout
        while text not in self.text:
            ended = not self._process.isalive()
            assert not (ended and text not in self.text), f"ended without {text!r}:\n{self.text}"
            assert time.monotonic() < deadline, f"no {text!r} in {timeout} s:\n{self.text}"
            self._until_heard()

    def type(self, text: str) -> None:
        """Type the text as it is."""
        self._process.send(text)

    def press(self, *keys: str) -> None:
        """Press keys by name: enter, space, tab, up, down, right, left, ctrl-c …"""
        for key in keys:
            self._process.send(_KEYS[key])

    def resize(self, rows: int, columns: int) -> None:
        """Change the window's size; the process gets SIGWINCH."""
        self._screen.resize(rows, columns)
        self._text = None
        self._process.setwinsize(rows, columns)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.kill(number)

    def finish(self, *, timeout: float = PATIENCE) -> int:
        """Wait for the end; return the exit code, negative for a signal."""
        deadline = time.monotonic() + timeout
        while self._process.isalive():
            self._read()
            assert time.monotonic() < deadline, f"still running after {timeout} s:\n{self.text}"
            time.sleep(0.01)
        self._read()
        code = self._process.exitstatus
        return -int(self._process.signalstatus) if code is None else int(code)

    def _until_heard(self) -> None:
        """Wait until the process writes something, or a moment: to draw a screen takes long."""
        if self._process.flag_eof or not select.select([self._process.child_fd], [], [], 0.2)[0]:
            time.sleep(0.01)

    def _read(self) -> None:
        while True:
            try:
                data = self._process.read_nonblocking(65536, timeout=0)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self.transcript += data
            self._text = None
            self._stream.feed(data)


class _Screen(pyte.HistoryScreen):
    """A screen that answers where its cursor is, as prompt libraries ask it to."""

    answer = staticmethod(lambda text: None)

    def write_process_input(self, data: str) -> None:
        self.answer(data)

    def above(self) -> Any:
        return self.history.top


def _as_text(output: bytes) -> str:
    """Return output with the line ends that a test reads."""
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")


def _text(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
