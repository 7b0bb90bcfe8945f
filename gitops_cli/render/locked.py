"""The lock that holds something, in documents: apart from what shows clusters."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.recorded.locks import Lock


def lock_document(lock: Lock | None) -> dict[str, Any] | None:
    """Return who holds it, why and until when."""
    if lock is None:
        return None
    return {
        "path": lock.path,
        "by": lock.by,
        "reason": lock.reason,
        "until": None if lock.until is None else lock.until.isoformat(),
    }
