"""Runs git for reading a source repository: one process, a clean environment, never a question."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.git.environment import without_credentials

# Variables by which a hook or an alias would aim our commands at another repository.
_AIMING = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_REPLACE_REF_BASE",
    }
)
_OPTIONS = (
    "--no-replace-objects",
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "log.showSignature=false"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
)
# A repository's own configuration may name programs (hooks, transports, ext::COMMAND), and who can
# write there chooses them. A missing object would make git fetch it in the middle of a question.
# The variable wins over `protocol.NAME.allow` of the repository, which wins over our `-c`.
_OBEYS_NOTHING = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "safe.bareRepository=explicit"),
)
_NO_CONNECTION = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
_GRACE = 2.0  # seconds a terminated git has for removing its lock files
READ_SECONDS = 60.0


class Done(NamedTuple):
    """What a git command left; `code` is None if it was ended for taking too long."""

    code: int | None
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return what git complained about, safe to show."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
        if not lines:
            return "git did not answer in time"
        return redacted(one_line((fatal or lines)[0]))


def read(directory: Path, *arguments: str, timeout: float = READ_SECONDS) -> Done:
    """Ask a repository something; nothing is written and nobody is connected to."""
    return _run([*_reading(directory), *arguments], timeout, _NO_CONNECTION)


def connect(directory: Path, *arguments: str, timeout: float) -> Done:
    """Run a command of git that may talk to a remote, in a directory that is ours."""
    return _run(["-C", str(directory), *arguments], timeout)


def write_objects(
    directory: Path,
    *arguments: str,
    environment: Mapping[str, str],
    timeout: float = READ_SECONDS,
    stdin: str = "",
) -> Done:
    """Run a command that writes objects; `environment` names another index than the user's."""
    variables = {**environment, **_NO_CONNECTION}
    return _run([*_reading(directory), *arguments], timeout, variables, stdin)


def _reading(directory: Path) -> list[str]:
    """Return the options for a repository that others may write; a bare one has to be named."""
    is_bare = (directory / "HEAD").is_file() and (directory / "objects").is_dir()
    where = [f"--git-dir={directory}"] if is_bare else ["-C", str(directory)]
    return [*_OBEYS_NOTHING, *where]


def _run(
    arguments: list[str],
    timeout: float,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Done:
    bare, variables = without_credentials(
        arguments, _environment(os.environ) | dict(environment or {})
    )
    try:
        process = subprocess.Popen(
            ["git", *_OPTIONS, *bare],
            env=variables,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise ConfigurationError(
            "git is not installed, or not on PATH", hint="install git 2.34 or later"
        ) from error
    code: int | None
    with process:
        try:
            out, err = process.communicate(stdin.encode() if stdin else None, timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            _stop(process)
            out, err, code = b"", b"", None
        except BaseException:
            _stop(process)
            raise
    return Done(code, out.decode(errors="replace"), err.decode(errors="replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    process.kill()


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in inherited.items() if name not in _AIMING}
    return environment | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
