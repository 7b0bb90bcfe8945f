"""Runs git: one process, a clean environment, bytes in and out."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import ConfigurationError, GitError, TimedOut
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.environment import git_environment, without_credentials
from gitops_cli.git.trust import EVERYWHERE, NOBODY, OBEYING_NOTHING

if TYPE_CHECKING:
    from types import TracebackType

_LONGEST = 600.0  # seconds for whatever does not connect, a signature that a person types for too
_GRACE = 2.0  # seconds a terminated git has for removing its lock files


def text_of(data: bytes) -> str:
    """Return what git says or keeps, without the last line feed; its names need not be UTF-8."""
    return data.decode(errors="surrogateescape").removesuffix("\n")


class Done(NamedTuple):
    """What a git command left."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Return stdout as text, without the last line feed."""
        return text_of(self.out)


class RunningGit(subprocess.Popen[bytes]):
    """A git that ends with the block that uses it: what fails or is interrupted waits for none."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End git where the block did not come to its end; then close its pipes and wait."""
        if kind is not None:
            self._stop()
        super().__exit__(kind, error, traceback)

    def _stop(self) -> None:
        # Politely, so that it takes its lock files along, then for good.
        self.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.wait(_GRACE)
        self.kill()


class Git(NamedTuple):
    """git in one directory with one environment; `git_dir` names a repository that is ours.

    `options` say what the repository may decide, as `trust` has it.
    """

    directory: Path
    environment: Mapping[str, str]
    git_dir: Path | None = None
    options: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        where = [] if self.git_dir is None else [f"--git-dir={self.git_dir}"]
        return ["git", *EVERYWHERE, *self.options, *where, *arguments]

    def run(self, *arguments: str, stdin: bytes | None = None, timeout: float = _LONGEST) -> Done:
        """Run git to its end and return what it said; raises TimedOut, ConfigurationError."""
        try:
            return self._run(arguments, stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"git {arguments[0]} did not end within {timeout:.0f} s") from error

    def run_within(self, timeout: float, *arguments: str, stdin: bytes | None = None) -> Done:
        """Do the same, but a git that is stopped after `timeout` is Done as well, with code < 0."""
        try:
            return self._run(arguments, stdin, timeout)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace")
            return Done(-SIGTERM, b"", f"{said}\nno answer within {timeout:.0f} s")

    def _run(self, arguments: Sequence[str], stdin: bytes | None, timeout: float | None) -> Done:
        with self.start(*arguments, stdin=stdin is not None) as process:
            out, err = process.communicate(stdin, timeout)
        return Done(process.returncode, out, err.decode(errors="replace"))

    def start(self, *arguments: str, stdin: bool = False) -> RunningGit:
        """Start git with its output in pipes."""
        bare, environment = without_credentials(arguments, self.environment)
        try:
            return RunningGit(
                self.command(*bare),
                cwd=self.directory,
                env=environment,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            if not self.directory.is_dir():
                raise GitError(f"{self.directory} is gone") from error
            raise ConfigurationError(
                "git is not installed, or not on PATH", hint="install git 2.34 or later"
            ) from error

    def with_environment(self, **variables: str) -> Git:
        """Return the same git with some variables more."""
        return self._replace(environment={**self.environment, **variables})

    def obeying_nothing(self) -> Git:
        """Return the same git for reading what anybody may have written; it connects to nobody."""
        options = (*self.options, *OBEYING_NOTHING)
        return self._replace(options=options).with_environment(**NOBODY)


def pager(directory: Path) -> str:
    """Return the pager that the user told git to use; no repository of others chooses it."""
    # What starts every git of ours with --no-pager makes it `cat`.
    return Git(directory, git_environment()).run("--paginate", "var", "GIT_PAGER").text


def editor(directory: Path) -> str:
    """Return the editor that the user told git to use; no repository of others chooses it.

    Raises GitError where git finds none, as in a terminal that is dumb.
    """
    return Git(directory, git_environment()).run("var", "GIT_EDITOR").text


def git_version(directory: Path) -> str | None:
    """Return the version of git; None where there is none."""
    try:
        said = Git(directory, git_environment()).run("version").text
    except ConfigurationError:
        return None
    return said.removeprefix("git version ").partition(" ")[0] or None
