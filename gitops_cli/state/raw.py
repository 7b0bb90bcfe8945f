"""The lines that `git log --raw` and `git diff-tree -z` write, as values."""

from __future__ import annotations

from gitops_cli.domain.values import NamedTuple


class RawChange(NamedTuple):
    """One line of git's raw diff format; a missing side is all zeros."""

    status: str
    path: str
    old: str
    new: str


def parse_raw(out: bytes) -> list[RawChange]:
    """Return the lines of `--raw -z --no-abbrev --no-renames`."""
    fields = out.decode(errors="surrogateescape").split("\0")
    found = []
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        found.append(parse_header(head, path))
    return found


def parse_header(head: str, path: str) -> RawChange:
    """Return one such line by its two fields."""
    _, _, old, new, status = head.split(" ")
    return RawChange(status[0], path, old, new)
