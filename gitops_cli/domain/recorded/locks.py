"""Locks: a hold on the recorded version of a service or of a whole environment."""

from __future__ import annotations

from datetime import datetime

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.stamp import as_stamp, is_told, parse_stamp
from gitops_cli.domain.toml import BadToml, parse_toml, quoted
from gitops_cli.domain.values import NamedTuple

MAX_LOCK_BYTES = 4096


class Lock(NamedTuple):
    """A lock file. `service` is None for the whole environment.

    `problem` says why it could not be read; such a lock holds, because somebody meant one.
    """

    path: str
    service: ServiceName | None
    by: str | None = None
    at: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    problem: str | None = None

    def holds(self, now: datetime) -> bool:
        """Tell whether writers are refused at `now` (an aware time)."""
        return self.until is None or now < self.until

    def text(self) -> str:
        """Return the content of the lock's file."""
        fields = {"by": self.by, "at": self.at, "until": self.until, "reason": self.reason}
        return "".join(
            f"{key} = {_toml(value)}\n" for key, value in fields.items() if value is not None
        )


def parse_lock(path: str, service: ServiceName | None, data: bytes) -> Lock:
    """Read a lock file; whatever cannot be read locks, with `problem` set."""
    try:
        table = parse_toml(data, most=MAX_LOCK_BYTES).content
    except BadToml as error:
        return Lock(path, service, problem=f"not TOML: {error}")
    try:
        return Lock(
            path,
            service,
            by=_text(table, "by"),
            at=_time(table, "at"),
            until=_time(table, "until"),
            reason=_text(table, "reason"),
        )
    except ValueError as error:
        return Lock(path, service, problem=str(error))


def _text(table: dict[str, object], key: str) -> str | None:
    value = table.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"`{key}` is not a text")


def _time(table: dict[str, object], key: str) -> datetime | None:
    value = table.get(key)
    if value is None:
        return None
    at = value if isinstance(value, datetime) and is_told(value) else parse_stamp(value)
    if at is None:
        raise ValueError(f"`{key}` is not a time with a zone")
    return at


def _toml(value: str | datetime) -> str:
    if isinstance(value, datetime):
        return as_stamp(value)
    return quoted(value)
