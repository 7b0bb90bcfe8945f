"""What doctor looked at, and what it found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What a check says."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(NamedTuple):
    """One thing that was looked at; `hint` mends it."""

    name: str
    verdict: Verdict
    detail: str
    hint: str | None = None
