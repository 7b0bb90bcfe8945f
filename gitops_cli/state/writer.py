"""Runs git for the write transaction, through GitPython.

Only modules of the writing path import this one: GitPython costs about 100 ms to import.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from subprocess import Popen, TimeoutExpired
from typing import BinaryIO

import git
from git.exc import GitCommandNotFound, UnsafeProtocolError

from gitops_cli.domain.errors import ConfigurationError, GitError, UsageError
from gitops_cli.domain.git_environment import without_credentials
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.state.process import Done, Git, is_kept, stop


class Writer:
    """git in the repository of a `Git`, with the same environment and options."""

    def __init__(self, runner: Git) -> None:
        self._runner = runner
        self._git = git.Git(runner.directory)

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Done:
        """Run git to its end and return what it said; stopped after `timeout` it has a code < 0."""
        inherited = {**self._runner.environment, **(environment or {})}
        bare, variables = without_credentials(arguments, inherited)
        with _file(stdin) as source, _scrubbed():
            try:
                running = self._git.execute(
                    self._runner.command(*bare),
                    istream=source,
                    as_process=True,
                    env=dict(variables),
                )
            except GitCommandNotFound as error:
                raise ConfigurationError("git is not installed, or not on PATH") from error
        return _finished(running.proc, timeout)

    def checked(self, url: str) -> str:
        """Return a URL to push to; GitPython's guard refuses those that run a command."""
        try:
            self._git.check_unsafe_protocols(url)
        except UnsafeProtocolError as error:
            raise UsageError(f"`{one_line(redacted(url))}`: {one_line(str(error))}") from error
        return url


def _finished(process: Popen[bytes] | None, timeout: float | None) -> Done:
    """Wait for git's end; GitPython's own time limit waits for children that hang as well."""
    if process is None:
        raise GitError("git did not start")
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except TimeoutExpired as error:
            stop(process)
            said = (error.stderr or b"").decode(errors="replace")
            return Done(process.wait(), b"", f"{said}\nno answer within {timeout:.0f} s")
        except BaseException:
            stop(process)
            raise
    return Done(process.returncode, out, err.decode(errors="replace"))


@contextmanager
def _file(data: bytes) -> Iterator[BinaryIO]:
    """Yield a file to read `data` from; GitPython takes nothing else as input."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        file.write(data)
        file.seek(0)
    except OSError as error:
        raise GitError(f"cannot write a temporary file: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def _scrubbed() -> Iterator[None]:
    """Take away what must not reach git: GitPython adds to os.environ and cannot remove."""
    removed = {name: value for name, value in os.environ.items() if not is_kept(name)}
    for name in removed:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(removed)
