"""The one voice of failures: whatever was raised becomes a message, a hint and an exit code."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from gitops_cli import __version__
from gitops_cli.cli.output import Output
from gitops_cli.cli.streams import Lost
from gitops_cli.domain.errors import (
    AnswerLost,
    Bug,
    ConfigurationError,
    Denied,
    ExitCode,
    GitOpsError,
    MachineFailed,
)
from gitops_cli.domain.text import one_line, without_secrets

_EXHAUSTED = {
    errno.EAGAIN: "`ulimit -u` shows how many processes and threads there may be",
    errno.EDQUOT: None,
    errno.EFBIG: None,
    errno.EIO: None,
    errno.ECONNRESET: None,  # another program ended before it had read what it was given
    errno.EPIPE: None,
    errno.EMFILE: "`ulimit -n` shows how many files may be open at once",
    errno.ENFILE: None,
    errno.ENOMEM: None,
    errno.ENOSPC: None,
}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_THREAD = "can't start new thread"


def tell(output: Output, error: Exception, *, recorded: str | None = None) -> ExitCode:
    """Report a failure and return its code; what nobody foresaw is a bug.

    `recorded` is the commit that was written before it.
    """
    expected = error if isinstance(error, GitOpsError) else _foreign(error) or _of_machine(error)
    known = expected or _bug(error)
    if recorded is not None:
        known.message = f"{recorded[:12]} is recorded; after that: {known.message}"
    output.error(known)
    if output.verbose > (0 if isinstance(known, Bug) else 1) or _is_bug_in_ci(known):
        output.stderr.line(traced(error))
    return known.exit_code


def traced(error: BaseException) -> str:
    """Return the trace of an error and of all it came from, without secrets.

    Only the source lines stay as they are: they are ours, and name what could be one.
    """
    parts = traceback.format_exception(error)
    shown = (part if part.startswith('  File "') else without_secrets(part) for part in parts)
    return "".join(shown).rstrip("\n")


def _is_bug_in_ci(error: GitOpsError) -> bool:
    return isinstance(error, Bug) and bool(os.environ.get("CI"))


def _bug(error: Exception) -> Bug:
    what = without_secrets(f"{type(error).__name__}: {error}")
    return Bug(
        f"this is a bug in gitops {__version__}: {what}",
        hint="run again with -v for details, and report them",
    )


def _stands_nowhere() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def _foreign(error: Exception) -> GitOpsError | None:
    """Return what somebody wrote in letters that are none: an argument, or the name of a file."""
    if not isinstance(error, UnicodeEncodeError):
        return None
    begin, end = max(0, error.start - 20), error.end + 20
    return ConfigurationError(f"not valid UTF-8: `{one_line(error.object[begin:end])}`")


def _of_machine(error: Exception) -> GitOpsError | None:
    """Return what the operating system refused as an expected failure; None: it refused nothing."""
    if isinstance(error, Lost):
        return AnswerLost(f"stdout did not take the answer: {error.strerror}")
    if isinstance(error, MemoryError):
        return MachineFailed("this machine has no memory left for it")
    if isinstance(error, FileNotFoundError) and "No usable temporary directory" in str(error):
        return MachineFailed(
            "no directory for temporary files can be written", hint="set TMPDIR to one that can"
        )
    if isinstance(error, FileNotFoundError) and _stands_nowhere():
        return ConfigurationError(
            "the directory you are in no longer exists", hint="go to another one, or pass -C PATH"
        )
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return MachineFailed("no thread can be started", hint=_EXHAUSTED[errno.EAGAIN])
    if not isinstance(error, OSError) or error.errno is None:
        return None
    what = error.strerror or os.strerror(error.errno)
    message = what if error.filename is None else f"{os.fsdecode(error.filename)}: {what}"
    if error.errno in _EXHAUSTED:
        return MachineFailed(message, hint=_EXHAUSTED[error.errno])
    if error.errno in _REFUSED:
        return Denied(message)
    return ConfigurationError(message) if error.errno == errno.ENAMETOOLONG else None
