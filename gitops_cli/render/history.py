"""The history of versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, tee
from typing import Any

from gitops_cli.domain.duration import age
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.past_changes import PastChange, Recorded
from gitops_cli.render.locked import lock_document
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_COLUMNS = (
    Column("when"),
    Column("environment"),
    Column("service"),
    Column("from"),
    Column("to"),
    Column("lived", right=True),
    Column("by"),
    Column("action"),
    Column("commit"),
    Column("run", wide=True),
    Column("why", flow=Flow.PROSE),
)

_RECORDS = Records(
    "entries",
    "at environment service action from to lived_seconds by=by.name email=by.email reason commit "
    "run path",
    "{commit}",
)


def view(entries: Iterable[PastChange], now: datetime) -> View:
    """Return a row per change of a version or of manifests, lock and unlock, newest first.

    What it shows of each is made while git looks for the next.
    """
    rest = iter(entries)
    first = next(rest, None)
    if first is None:
        return View("history", {"entries": []}, (Line("no changes", Style.DIM),), records=_RECORDS)
    told, shown = tee(chain((first,), rest))
    document = {"entries": (entry_document(entry, now) for entry in told)}
    block = Table(_COLUMNS, (_row(entry, now) for entry in shown))
    return View("history", document, (block,), records=_RECORDS)


def entry_document(entry: PastChange, now: datetime) -> dict[str, Any]:
    """Return one change for machines."""
    lived = entry.lived(now)
    return {
        "environment": entry.environment,
        "service": entry.service,
        "path": entry.path,
        "from": entry.old.text if entry.old else None,
        "to": entry.new.text if entry.new else None,
        "at": entry.at.isoformat(),
        "replaced_at": entry.replaced_at.isoformat() if entry.replaced_at else None,
        "lived_seconds": int(lived.total_seconds()) if lived is not None else None,
        "action": entry.action,
        "by": {"name": entry.made_by.author.name, "email": entry.made_by.author.email},
        "authored_at": entry.made_by.authored_at.isoformat(),
        "reason": entry.reason,
        "commit": entry.commit,
        "origin": entry.made_by.hash if entry.made_by.hash != entry.commit else None,
        "subject": entry.made_by.subject,
        "run": entry.made_by.trailers.get("Gitops-Run"),
        "overrides": list(entry.overrides),
        "lock": lock_document(entry.lock),
        "manifests": None if entry.manifests is None else list(entry.manifests),
        "renamed_from": entry.renamed_from,
    }


def _row(entry: PastChange, now: datetime) -> list[Cell | str]:
    lived = entry.lived(now)
    current = entry.replaced_at is None and lived is not None
    length = age(lived) if lived is not None else ""
    return [
        f"{entry.at.astimezone():%Y-%m-%d %H:%M}",
        entry.environment,
        "manifests" if entry.manifests is not None else entry.service or "all of it",
        *_versions(entry),
        Cell(f"{length}+" if current else length, Style.GOOD if current else Style.PLAIN),
        entry.made_by.author.name,
        _action(entry),
        entry.commit[:SHORT],
        entry.made_by.trailers.get("Gitops-Run", ""),
        entry.reason or _whence(entry),
    ]


def _versions(entry: PastChange) -> tuple[Cell, Cell]:
    if entry.manifests is not None:
        return Cell(""), Cell(_files(entry.manifests), Style.INFO)
    if entry.lock is not None:
        return Cell(""), Cell("unlocked" if entry.unlocked else "locked", Style.INFO)
    if entry.approved:
        return Cell(""), _short(entry.new, "unreadable")
    if entry.renamed_from is not None:
        return Cell(_old_name(entry.renamed_from, entry.path)), Cell("renamed", Style.INFO)
    return _short(entry.old, "new"), _short(entry.new, "removed")


def _old_name(old: str, new: str) -> str:
    """Return what of a path is no more: the environment, the service, or its kind with it."""
    directory, _, leaf = old.partition("/")
    if directory != new.partition("/")[0]:
        return one_line(directory)
    stem = leaf.rpartition(".")[0]
    return one_line(leaf if new == f"{directory}/{stem}{new[new.rindex('.') :]}" else stem)


def _files(paths: Sequence[str]) -> str:
    """Return which file changed, or how many."""
    if len(paths) == 1:
        return one_line(paths[0].rpartition("/")[2])
    return plural(len(paths), "file")


def _action(entry: PastChange) -> Cell:
    """Return what was done, and in spite of which rules."""
    if not entry.overrides:
        return Cell(entry.action)
    return Cell(f"{entry.action} over {', '.join(entry.overrides)}", Style.WARN)


def _whence(entry: PastChange) -> str:
    trailers = entry.made_by.trailers
    sources, targets = (trailers.get(key, "").split(", ") for key in ("Gitops-From", "Gitops-Env"))
    # A promotion of several projects names both sides of each, in one order.
    own = dict(zip(targets, sources, strict=False)) if len(sources) == len(targets) else {}
    source = own.get(entry.environment, ", ".join(sources))
    return f"from {source}" if source else ""


def _short(recorded: Recorded | None, absent: str) -> Cell:
    if recorded is None:
        return Cell(absent, Style.INFO)
    if recorded.version is None:
        return Cell(recorded.text[:40], Style.BAD)
    return Cell(recorded.version.short)
