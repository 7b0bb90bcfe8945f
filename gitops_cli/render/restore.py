"""What came back from the repository, or could."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_cli.domain.cluster.sync import SyncReport
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import one_line, plural
from gitops_cli.operations.restore import Lack
from gitops_cli.render.sync import sync_view
from gitops_cli.render.view import Column, Flow, Line, Style, Table, View


def restore_view(report: SyncReport, missing: Sequence[Lack], *, recorded: bool) -> View:
    """Return what a restore did, and what the repository could not give.

    `recorded` is false for a rehearsal: its namespace is no environment of the repository.
    """
    done = sync_view(report, recorded=recorded)
    document = {**done.document, "missing": [_document(lack) for lack in missing]}
    return done._replace(kind="restore", document=document)


def check_view(names: Sequence[EnvironmentName], missing: Sequence[Lack]) -> View:
    """Return what would be missing if these environments were lost now."""
    document = {
        "environments": list(names),
        "missing": [_document(lack) for lack in missing],
    }
    count = plural(len(names), "environment")
    if not missing:
        good = Line(f"{count} could be restored from the repository", Style.GOOD)
        return View("restore-check", document, (good,))
    columns = (
        Column("environment"),
        Column("where"),
        Column("missing", flow=Flow.PROSE),
        Column("hint", flow=Flow.PROSE),
    )
    rows = [[m.environment, m.where, one_line(m.what), one_line(m.hint or "")] for m in missing]
    things = plural(len(missing), "thing")
    return View(
        "restore-check",
        document,
        (Table(columns, rows), Line(f"{things} would be missing in {count}", Style.BAD)),
    )


def _document(lack: Lack) -> dict[str, Any]:
    return {
        "environment": lack.environment,
        "where": lack.where,
        "what": lack.what,
        "hint": lack.hint,
    }
