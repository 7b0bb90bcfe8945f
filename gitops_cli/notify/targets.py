"""Addresses of targets, from the environment or a file: never from the repository.

Whoever may push says what is told, and to which name; whom our machine talks to, and with which
secret, only its owner does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.recorded.notify import variable_of

_MOST = 8192  # bytes of a file


class NoticeTarget(NamedTuple):
    """One target: its address, and what signs a webhook's body, if anything."""

    name: str
    url: str
    secret: str | None = None

    def __repr__(self) -> str:
        """Return the name only: an address is often a secret, too."""
        return f"NoticeTarget({self.name!r})"


def find_target(name: str, environ: Mapping[str, str], directory: Path) -> NoticeTarget | None:
    """Return a target: its variables, or its file (the address, and below it the secret).

    None where this machine has neither, which is no failure: others may. Raises OSError.
    """
    variable = variable_of(name)
    url = environ.get(variable, "").strip()
    if url:
        return NoticeTarget(name, url, environ.get(f"{variable}_SECRET", "").strip() or None)
    try:
        with (directory / name).open("rb") as file:
            text = file.read(_MOST).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    return NoticeTarget(name, lines[0], lines[1] if len(lines) > 1 else None)
