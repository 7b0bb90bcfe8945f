"""The file of known drift, for `diff --baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.baseline import (
    BadBaseline,
    BaselineVerdict,
    Drift,
    baseline_text,
    exit_code,
    judged_by,
    parse_baseline,
    renewed,
)
from gitops_cli.domain.cluster.comparison import Diff
from gitops_cli.domain.errors import ConfigurationError, ExitCode, UsageError
from gitops_cli.domain.text import plural

_AGAIN = "--write-baseline makes it anew"
_MOST_BYTES = 16 << 20


class ReadBaseline(NamedTuple):
    """A baseline that was read; `write`: it is to be made anew. `whole`: of all services."""

    file: Path
    drifts: frozenset[Drift]
    write: bool
    whole: bool

    def verdict(self, result: Diff) -> BaselineVerdict:
        """Tell known differences from new ones."""
        return judged_by(self.drifts, result, whole=self.whole)

    def finish(self, session: Session, result: Diff, verdict: BaselineVerdict) -> ExitCode:
        """Say what is known, or write it; return the code to end with."""
        if self.write:
            return self._write(session, result)
        if verdict.gone:
            count = plural(len(verdict.gone), "difference is", "differences are")
            session.output.note(f"{self.file}: {count} gone; {_AGAIN}")
        return exit_code(result, verdict)

    def _write(self, session: Session, result: Diff) -> ExitCode:
        if result.exit_code not in (ExitCode.OK, ExitCode.NO):
            session.output.warn(f"{self.file} is as it was: not all could be told")
            return result.exit_code
        drifts = renewed(self.drifts, result, whole=self.whole)
        try:
            self.file.write_text(baseline_text(drifts), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"--baseline {self.file}: {error.strerror}") from error
        session.output.say(f"{self.file}: {plural(len(drifts), 'known difference')}")
        return ExitCode.OK


def known_drift(file: Path | None, *, write: bool, whole: bool) -> ReadBaseline | None:
    """Return the baseline of a file, which need not be there yet if it is to be written."""
    if file is None:
        if write:
            raise UsageError("--write-baseline: where to?", hint="name it: --baseline FILE")
        return None
    if write and not file.exists():
        return ReadBaseline(file, frozenset(), write, whole)
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MOST_BYTES)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigurationError(f"--baseline {file}: {why}", hint=_AGAIN) from error
    try:
        return ReadBaseline(file, parse_baseline(text), write, whole)
    except BadBaseline as error:
        raise ConfigurationError(f"{file}:{error.line}: {error}", hint=_AGAIN) from error
