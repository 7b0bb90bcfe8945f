"""Runs git for the write transaction, through GitPython.

Only modules of the writing path import this one: GitPython costs about 100 ms to import.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import git
from git.exc import GitCommandNotFound, UnsafeProtocolError

from gitops_cli.domain.errors import ConfigurationError, GitError, UsageError
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.state.process import Done, Git, is_kept


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
        """Run git to its end and return what it said; killed after `timeout` it has a code < 0."""
        variables = {**self._runner.environment, **(environment or {})}
        with _file(stdin) as source, _scrubbed():
            try:
                code, out, err = self._execute(
                    self._runner.command(*arguments), source, variables, timeout
                )
            except GitCommandNotFound as error:
                raise ConfigurationError("git is not installed, or not on PATH") from error
        return Done(code, out, err)

    def _execute(
        self,
        command: Sequence[str],
        source: BinaryIO,
        environment: Mapping[str, str],
        timeout: float | None,
    ) -> tuple[int, bytes, str]:
        return self._git.execute(
            command,
            istream=source,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=timeout,
            env=environment,
        )


def checked_url(url: str) -> str:
    """Return a URL to push to; GitPython's guard refuses those that run a command."""
    try:
        git.Git.check_unsafe_protocols(url)
    except UnsafeProtocolError as error:
        raise UsageError(f"`{one_line(redacted(url))}`: {one_line(str(error))}") from error
    return url


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
