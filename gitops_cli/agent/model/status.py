"""What an agent says about itself, and whether that is good news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.agent.model.stepped import StepsRecord, is_digest
from gitops_cli.domain.duration import LONGEST
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.stamp import as_stamp, parse_stamp
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import is_commit

_LENGTH = 1000  # characters: an Event's message may have 1,024


class Result(StrEnum):
    """How a run ended."""

    IN_SYNC = "in-sync"
    CHANGED = "changed"
    WAITING = "waiting"
    FAILED = "failed"


class AgentStatus(NamedTuple):
    """The status ConfigMap of one environment. All times are aware.

    `commit` is the state commit of the last success, `tip` the one the last run looked at.
    `message` says what a person should know about the last run; `error` is set if it failed.
    `steps` is how steps went, where it runs some.
    """

    environment: EnvironmentName
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    commit: str | None = None
    tip: str | None = None
    result: Result | None = None
    message: str | None = None
    error: str | None = None
    interval: int | None = None
    version: str | None = None
    steps: StepsRecord | None = None


def to_data(status: AgentStatus) -> dict[str, str | None]:
    """Return the ConfigMap's data; None removes a key that an earlier run wrote."""
    return {
        "last-attempt": _stamp(status.last_attempt),
        "last-success": _stamp(status.last_success),
        "commit": status.commit,
        "tip": status.tip,
        "result": status.result.value if status.result else None,
        "message": status.message,
        "error": status.error,
        "interval": None if status.interval is None else str(status.interval),
        "version": status.version,
        **_steps_data(status.steps),
    }


def _steps_data(record: StepsRecord | None) -> dict[str, str | None]:
    return {
        "steps": None if record is None else record.words,
        "steps-at": None if record is None else as_stamp(record.at),
        "steps-digest": None if record is None else record.digest,
        "steps-error": None if record is None else record.error,
        "steps-applied": record.digest if record is not None and record.applied else None,
    }


def from_data(environment: EnvironmentName, data: Mapping[str, str]) -> AgentStatus:
    """Read the ConfigMap's data; what cannot be read is None, as if it had not been written.

    Whoever may write ConfigMaps in the namespace may have written it, so nothing is taken that
    the agent would not write: no other kind of value, and no longer one.
    """
    words = [result.value for result in Result]
    return AgentStatus(
        environment,
        last_attempt=parse_stamp(data.get("last-attempt")),
        last_success=parse_stamp(data.get("last-success")),
        commit=_commit(data.get("commit")),
        tip=_commit(data.get("tip")),
        result=Result(data["result"]) if data.get("result") in words else None,
        message=_text(data.get("message")),
        error=_text(data.get("error")),
        interval=_interval(data.get("interval", "")),
        version=_text(data.get("version")),
        steps=_steps(data),
    )


def short(text: str) -> str:
    """Return `text` on one line, and not longer than a status may be."""
    line = one_line(text)
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


class Health(StrEnum):
    """The one word of `agent status`."""

    OK = "ok"
    FAILING = "failing"
    STALE = "stale"
    NEVER_RAN = "never-ran"
    SUSPENDED = "suspended"
    MISSING = "missing"


DEFAULT_INTERVAL = 60
_MISSED_RUNS = 3


def stale_after(status: AgentStatus, asked: float | None) -> timedelta:
    """Return the age at which a status is stale: as asked, or after three missed runs."""
    if asked is not None:
        return timedelta(seconds=asked)
    return timedelta(seconds=_MISSED_RUNS * max(status.interval or 0, DEFAULT_INTERVAL))


def health(status: AgentStatus, now: datetime, *, limit: timedelta) -> Health:
    """Judge a status. `now` and its times must be one clock's: the API server's."""
    if status.last_attempt is None:
        return Health.NEVER_RAN
    if now - status.last_attempt >= limit:
        return Health.STALE
    return Health.FAILING if status.error is not None else Health.OK


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else as_stamp(at)


def _commit(text: str | None) -> str | None:
    return text if text is not None and is_commit(text) else None


def _text(text: str | None) -> str | None:
    # Cut first: a ConfigMap may hold a megabyte.
    return None if text is None else short(text[: 2 * _LENGTH])


def _steps(data: Mapping[str, str]) -> StepsRecord | None:
    at, digest = parse_stamp(data.get("steps-at")), data.get("steps-digest", "")
    if at is None or not is_digest(digest):
        return None
    words = _text(data.get("steps")) or ""
    applied = data.get("steps-applied") == digest
    return StepsRecord(digest, at, words, _text(data.get("steps-error")), applied)


def _interval(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LONGEST))):
        return None
    return int(text) if int(text) <= LONGEST else None
