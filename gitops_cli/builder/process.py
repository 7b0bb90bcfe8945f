"""Run the engine's own program: progress to where people see it, no value of ours in its argv.

Credentials stay in the engine's configuration, secrets in files and variables that it reads itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.text import visible

TAIL = 15  # lines of output that an error quotes
ASK_SECONDS = 30.0

Progress = Callable[[str], None]


class Finished(NamedTuple):
    """How a command ended, and its last words (none if a terminal showed them)."""

    code: int
    last: Sequence[str] = ()


def ask(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return what a quick command prints, without white space around it; None if it fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    progress: Progress | None,
    directory: Path,
) -> Finished:
    """Run a long command. Without `progress` it has our stderr, a terminal, to itself."""
    if progress is None:
        return Finished(_ended(_started(command, environ, sys.stderr.fileno(), directory)))
    process = _started(command, environ, subprocess.PIPE, directory)
    last: deque[str] = deque(maxlen=TAIL)
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = visible(raw.decode(errors="replace").rstrip("\r\n"))
            last.append(line)
            progress(line)
    except BaseException:
        _stop(process)
        raise
    return Finished(_ended(process), tuple(last))


def _started(
    command: Sequence[str], environ: Mapping[str, str], output: int, directory: Path
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=dict(environ),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output == subprocess.PIPE else output,
    )


def _ended(process: subprocess.Popen[bytes]) -> int:
    with process:
        try:
            return process.wait()
        except BaseException:
            _stop(process)
            raise


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the engine's client; a Ctrl-C in the terminal has told it already."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
