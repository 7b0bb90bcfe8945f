"""`[notify.NAME]`: of what a team wants to be told there. Where that is, no repository says."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

FIELDS = ("event", "environment", "services", "summary", "by", "reason", "commit")
"""What a template of a notice may name."""
ADDRESS_KEYS = ("url", "secret", "token", "target", "webhook")
"""What people write into such a table first, and must not."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?\Z")


class Event(StrEnum):
    """What can be told."""

    RECORDED = "recorded"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    LOCKED = "locked"
    SYNCED = "synced"
    FAILED = "failed"
    DRIFT = "drift"
    STALE_AGENT = "stale-agent"


class NoticeRules(NamedTuple):
    """One table. `stages` None: all of them; `template` None: our own words."""

    name: str
    events: frozenset[Event] = frozenset()
    stages: tuple[str, ...] | None = None
    template: str | None = None


def is_target(name: str) -> bool:
    """Tell whether a name can be that of a variable and of a file, and of nothing else."""
    return _NAME.match(name) is not None and not name.endswith(("-secret", "-file"))


def variable_of(name: str) -> str:
    """Return the variable that has a target's address."""
    return f"GITOPS_NOTIFY_{name.upper().replace('-', '_')}"
