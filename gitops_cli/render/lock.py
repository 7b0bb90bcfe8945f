"""Locks that were made or taken away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gitops_cli.domain.change.draft import LockDraft, Verb
from gitops_cli.domain.change.policy import moment
from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import SHORT
from gitops_cli.render.view import Line, Records, Style, View

_RECORDS = Records("locks", "environment service path action by at until reason commit", "{path}")


def lock_view(draft: LockDraft, written: Written | None) -> View:
    """Return what was locked or unlocked; `written` is None for a dry run."""
    changed = written is not None and written.changed
    document = {
        "action": draft.verb.value,
        "environment": draft.environment,
        "dry_run": written is None,
        "changed": changed,
        "commit": written.commit if written else None,
        "locks": [
            {
                "service": lock.service,
                "path": lock.path,
                "by": lock.by,
                "at": _iso(lock.at),
                "until": _iso(lock.until),
                "reason": lock.reason,
            }
            for lock in draft.locks
        ],
    }
    return View("lock", document, tuple(_lines(draft, written)), records=_RECORDS)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _lines(draft: LockDraft, written: Written | None) -> Iterator[Line]:
    if not draft.locks:
        nothing = "locked so already" if draft.verb is Verb.LOCK else "no such lock"
        yield Line(f"nothing to do: {nothing} in {draft.environment}", Style.DIM)
    commit = f" ({written.commit[:SHORT]})" if written and written.commit else ""
    did = f"would {draft.verb}" if written is None else f"{draft.verb}ed"
    for lock in draft.locks:
        where = f"{lock.service} in {draft.environment}" if lock.service else draft.environment
        details = lock_details(lock) if draft.verb is Verb.LOCK else ""
        line = f"{did} {where}{details}{commit}"
        yield Line(line, Style.GOOD)
    for lock in draft.replaced:
        yield Line(f"before, it was locked{_by(lock)}{lock_details(lock)}", Style.WARN)
    if draft.held_by is not None:
        how = f"`gitops unlock -e {draft.environment}` ends that"
        held = (
            f"all of {draft.environment} is locked{_by(draft.held_by)}{lock_details(draft.held_by)}"
        )
        yield Line(f"{held}; {how}", Style.WARN)


def _by(lock: Lock) -> str:
    return f" by {one_line(lock.by)}" if lock.by else ""


def lock_details(lock: Lock) -> str:
    """Return until when and why a lock holds, to stand behind what it holds."""
    until = f" until {moment(lock.until)}" if lock.until else ""
    why = f": {one_line(lock.reason)}" if lock.reason else ""
    return until + why
