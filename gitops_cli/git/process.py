"""Runs git: one process, a clean environment, bytes in and out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import ConfigurationError, GitError, TimedOut
from gitops_cli.git.environment import without_credentials

if TYPE_CHECKING:
    from types import TracebackType

# What may come in from the caller: how to connect, who commits, which configuration, tracing.
# The rest of GIT_* (GIT_DIR, GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY … as a hook or `git rebase
# --exec` sets them) would aim our commands at another repository.
_KEPT = frozenset(
    {
        "GIT_ALLOW_PROTOCOL",
        "GIT_ASKPASS",
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_SYSTEM",
        "GIT_CURL_VERBOSE",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
        "GIT_PROTOCOL_FROM_USER",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_TERMINAL_PROMPT",
    }
)
_KEPT_PREFIXES = (
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_SSL_",
    "GIT_TRACE",
)

# Nothing of ours starts work in the background of the user's repository, reads replaced
# objects, or rewrites the index to refresh it.
BASE_OPTIONS = (
    "--no-replace-objects",
    "--no-optional-locks",
    "-c",
    "maintenance.auto=false",
    "-c",
    "gc.auto=0",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.bareRepository=explicit",
)

_GRACE = 2.0  # seconds a terminated git has for removing its lock files


class Done(NamedTuple):
    """What a git command left."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Return stdout as text, without the last line feed."""
        return self.out.decode(errors="surrogateescape").removesuffix("\n")


class Running(subprocess.Popen[bytes]):
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
    """git in one directory with one environment; `git_dir` names a repository outright."""

    directory: Path
    environment: Mapping[str, str]
    git_dir: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        where = [] if self.git_dir is None else [f"--git-dir={self.git_dir}"]
        return ["git", *BASE_OPTIONS, *where, *arguments]

    def run(
        self, *arguments: str, stdin: bytes | None = None, timeout: float | None = None
    ) -> Done:
        """Run git to its end and return what it said; raises TimedOut, ConfigurationError."""
        try:
            return self._run(arguments, stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"git {arguments[0]} did not end within {timeout:.0f} s") from error

    def run_within(self, timeout: float, *arguments: str) -> Done:
        """Do the same, but a git that is stopped after `timeout` is Done as well, with code < 0."""
        try:
            return self._run(arguments, None, timeout)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace")
            return Done(-SIGTERM, b"", f"{said}\nno answer within {timeout:.0f} s")

    def _run(self, arguments: Sequence[str], stdin: bytes | None, timeout: float | None) -> Done:
        with self.start(*arguments, stdin=stdin is not None) as process:
            out, err = process.communicate(stdin, timeout)
        return Done(process.returncode, out, err.decode(errors="replace"))

    def start(self, *arguments: str, stdin: bool = False) -> Running:
        """Start git with its output in pipes."""
        bare, environment = without_credentials(arguments, self.environment)
        try:
            return Running(
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


def git_version(directory: Path) -> str | None:
    """Return the version of git; None where there is none."""
    try:
        said = Git(directory, git_environment()).run("version").text
    except ConfigurationError:
        return None
    return said.removeprefix("git version ").partition(" ")[0] or None


def git_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for git: without what would aim it elsewhere, and never waiting.

    A question (password, host key) is only possible where a person sits at a terminal.
    """
    source = os.environ if inherited is None else inherited
    environment = {name: value for name, value in source.items() if is_kept(name)}
    environment["LC_ALL"] = "C"
    environment.pop("LANGUAGE", None)
    environment["GIT_DEFAULT_REF_FORMAT"] = "files"  # of mirrors we make
    # No transport that runs a command (ext::), whatever a repository's configuration allows.
    environment.setdefault("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
    if not can_ask(source):
        environment["GIT_TERMINAL_PROMPT"] = "0"
    return environment


def is_kept(name: str) -> bool:
    """Tell whether an inherited environment variable may reach git."""
    return not name.startswith("GIT_") or name in _KEPT or name.startswith(_KEPT_PREFIXES)


def can_ask(environment: Mapping[str, str]) -> bool:
    """Tell whether git and ssh may ask a person."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not environment.get("CI")


def ssh_batch(environment: Mapping[str, str], configured: str | None) -> dict[str, str]:
    """Return the variable that keeps ssh from asking; empty where its command is not plain ssh."""
    command = environment.get("GIT_SSH_COMMAND") or configured
    if command is None:
        if "GIT_SSH" in environment:
            return {}
        command = "ssh"
    words = command.split()
    if not words or Path(words[0].strip("'\"")).name != "ssh":
        return {}
    return {"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"}
