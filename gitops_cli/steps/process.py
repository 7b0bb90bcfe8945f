"""Starts the programs of steps and checks: no shell, few variables, a limit, and an end to all.

A program gets a process group of its own. At its limit, and at Ctrl-C, the group is interrupted
first, so that OpenTofu can give its state's lock back, and killed if it does not end.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from gitops_cli.domain.errors import ConfigurationError, TimedOut
from gitops_cli.domain.text import inert, one_line, visible, without_secrets

GRACE = 20.0
MOST_LINES = 2_000
_MOST_LINE = 2_000  # characters
_CHUNK = 1 << 16
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHORTEST_SECRET = 6  # characters; a shorter value of a variable would star half of the output
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"

_PASSED = (
    *("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSH_AUTH_SOCK"),
    *("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"),
)
"""What a program needs to find its own configuration and the network, and no credentials."""

Heard = Callable[[str], None]


class StepEnd(NamedTuple):
    """How a program ended, and its lines: cleaned, and without what looks like a secret."""

    code: int
    lines: tuple[str, ...]


class Surroundings(NamedTuple):
    """The variables of a program; `secrets` are values that must not be shown."""

    variables: Mapping[str, str]
    secrets: tuple[str, ...] = ()


def surroundings(
    names: Sequence[str], environ: Mapping[str, str], more: Mapping[str, str]
) -> Surroundings:
    """Return the few variables that every program gets, those that are named, and `more`."""
    # An entry that is not absolute would mean the directory of the step.
    places = environ.get("PATH", os.defpath).split(os.pathsep)
    absolute = os.pathsep.join(place for place in places if Path(place).is_absolute())
    passed = {name: environ[name] for name in (*_PASSED, *names) if name in environ}
    values = (environ[name] for name in names if name in environ)
    secrets = {line for value in values for line in value.splitlines()}
    return Surroundings(
        {**passed, **more, "PATH": absolute},
        tuple(sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)),
    )


def found_program(word: str, directory: Path, around: Surroundings) -> str:
    """Return the program that a word means: a file from the directory, or one on PATH."""
    if "/" in word:
        place = directory / word
        if os.access(place, os.X_OK) and place.is_file():
            return str(place)
        why = "is no file that may be run" if place.exists() else "is not there"
        raise ConfigurationError(
            f"`{one_line(word)}` {why}",
            hint="it must be executable in git: git update-index --chmod=+x FILE",
        )
    found = shutil.which(word, path=around.variables["PATH"])
    if found is None:
        raise ConfigurationError(
            f"`{one_line(word)}` is not on PATH", hint="install it, or run this where it is"
        )
    return found


def run(
    words: Sequence[str],
    directory: Path,
    around: Surroundings,
    *,
    seconds: float,
    heard: Heard = lambda line: None,
    stdin: bytes | None = None,
    quiet: bool = False,
) -> StepEnd:
    """Run a program to its end; `quiet`: its output is read by us, and told to nobody.

    Raises ConfigurationError where there is no such program, and TimedOut.
    """
    program = found_program(words[0], directory, around)
    lines: deque[str] = deque(maxlen=MOST_LINES)

    def take(raw: bytes) -> None:
        line = raw.decode(errors="replace") if quiet else cleaned(raw, around.secrets)
        lines.append(line)
        if not quiet:
            heard(line)

    with _stopped_by_signals() as listen, _Input(stdin) as given:
        process = _started([program, *words[1:]], directory, around, given)
        assert process.stdout is not None
        with process.stdout:
            try:
                listen()
                late = not _follow(process, time.monotonic() + seconds, take)
            except BaseException:
                _end(process)
                raise
            if late:
                _end(process)
                raise TimedOut(
                    f"`{one_line(words[0])}` did not end within {seconds:g} s, and was stopped"
                )
    _kill(process.pid)  # what it left behind of its group
    return StepEnd(process.wait(), tuple(lines))


def _started(
    words: Sequence[str], directory: Path, around: Surroundings, stdin: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            cwd=directory,
            env=dict(around.variables),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigurationError(
            f"`{one_line(words[0])}` cannot be started: {error.strerror}"
        ) from error


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[], None]]:
    """Let what tells us to stop be as Ctrl-C: a program would go on without us.

    It is kept until the call of what is given: an exception while a program is being started
    would leave one that nobody knows of.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    told: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        told.append(number)

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    def listen() -> None:
        for number, handler in before.items():
            signal.signal(number, handler if number == signal.SIGINT else stop)
        tell()

    def tell() -> None:
        while told:
            signal.raise_signal(told.pop())

    # What is ignored stays so, for the program too: nohup.
    heeded = [number for number in _STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, keep) for number in heeded}
    try:
        yield listen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        tell()


class _Input:
    """What a program reads: a file that is gone by its name, or nothing."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data

    def __enter__(self) -> int:
        if self._data is None:
            self._handle = os.open(os.devnull, os.O_RDONLY)
            return self._handle
        import tempfile

        self._file = tempfile.TemporaryFile()
        self._file.write(self._data)
        self._file.seek(0)
        self._handle = os.dup(self._file.fileno())
        self._file.close()
        return self._handle

    def __exit__(self, *raised: object) -> None:
        os.close(self._handle)


def cleaned(raw: bytes, secrets: Sequence[str] = ()) -> str:
    """Return a line of a program as it may be shown: nothing in it acts, no secret is in it."""
    text = raw.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2]  # a bar that was redrawn
    for secret in secrets:
        text = text.replace(secret, "***")
    text = re.sub(_ESCAPES, "", text[: 4 * _MOST_LINE])
    return inert(visible(without_secrets(text)))[:_MOST_LINE]


def _follow(process: subprocess.Popen[bytes], until: float, take: Callable[[bytes], None]) -> bool:
    """Hear a program until it has ended; False if it has not by then.

    One that left others behind with its output in their hands is not waited for.
    """
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdout.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            ended = process.poll() is not None
            ready = selector.select(0 if ended else min(0.2, max(0.0, until - time.monotonic())))
            data = _available(process.stdout.fileno()) if ready else None
            if data:
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    take(line)
                rest = rest[-_CHUNK:]
            elif ended or data == b"":
                if rest:
                    take(rest)
                return ended or _waited(process, until)
            if not ended and time.monotonic() >= until:
                return False


def _available(handle: int) -> bytes | None:
    try:
        return os.read(handle, _CHUNK)
    except BlockingIOError:
        return None


def _waited(process: subprocess.Popen[bytes], until: float) -> bool:
    """Wait for a program that closed its output before it ended."""
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a program and all of its group; kill what does not end.

    Its output is read on: who writes to nobody is ended by that, in the middle of cleaning up.
    """
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGINT)
        _follow(process, time.monotonic() + GRACE, lambda line: None)
    finally:
        _kill(process.pid)
        process.wait()


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def tail(lines: Sequence[str], count: int) -> Iterator[str]:
    """Yield the last lines that say something."""
    yield from [line for line in lines if line.strip()][-count:]
