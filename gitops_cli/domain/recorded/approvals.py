"""Approvals: which version of a service people said yes to, before it is recorded.

The file says which version, and for people who and when. What counts is who made the commits that
say so (domain/change/gates.py): anybody can write a name into a file.
"""

from __future__ import annotations

from datetime import datetime

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.toml import BadToml, parse_toml, quoted
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version, parse_version

MAX_APPROVAL_BYTES = 4096


class Yes(NamedTuple):
    """One entry of the file. `at` is as the file says it."""

    by: str
    at: str = ""


class Approval(NamedTuple):
    """An approval file. `problem` says why it could not be read; such a one approves nothing."""

    path: str
    service: ServiceName
    version: Version | None = None
    given: tuple[Yes, ...] = ()
    problem: str | None = None

    def names(self, version: Version) -> bool:
        """Tell whether it is this very version that was approved; a digest is part of one."""
        return self.version == version

    def text(self) -> str:
        """Return the content of the approval's file."""
        entries = (
            f"\n[[approved]]\nby = {quoted(yes.by)}\nat = {quoted(yes.at)}\n" for yes in self.given
        )
        return f"version = {quoted(str(self.version))}\n" + "".join(entries)


def with_yes(existing: Approval | None, new: Approval, by: str, at: datetime) -> Approval:
    """Return the approval with one more yes; those to another version are void."""
    kept: tuple[Yes, ...] = ()
    if existing is not None and new.version is not None and existing.names(new.version):
        kept = existing.given
    return new._replace(given=(*kept, Yes(by, f"{at:%Y-%m-%dT%H:%M:%SZ}")))


def parse_approval(path: str, service: ServiceName, data: bytes) -> Approval:
    """Read an approval file; whatever cannot be read approves nothing, with `problem` set."""
    nothing = Approval(path, service)
    try:
        table = parse_toml(data, most=MAX_APPROVAL_BYTES).content
    except BadToml as error:
        return nothing._replace(problem=f"not TOML: {error}")
    text, entries = table.get("version"), table.get("approved", [])
    version = parse_version(text) if isinstance(text, str) else None
    if version is None:
        return nothing._replace(problem="`version` is not a version")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return nothing._replace(problem="`approved` is not a list of tables")
    given = tuple(Yes(str(entry.get("by", "")), str(entry.get("at", ""))) for entry in entries)
    return nothing._replace(version=version, given=given)
