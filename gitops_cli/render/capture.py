"""What of a running namespace was recorded."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.cluster.capturing import Captured
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.text import plural
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View


def capture_view(result: Captured) -> View:
    """Return every workload: recorded, as recorded already, or left out and why."""
    draft = result.draft
    rows: list[list[Cell | str]] = [
        _row(change, "recorded", Style.GOOD) for change in draft.changes
    ]
    if result.written is None:
        rows = [_row(change, "would record", Style.INFO) for change in draft.changes]
    rows += [_row(change, "as recorded", Style.DIM) for change in draft.unchanged]
    rows += [
        [skipped.service, "", "", Cell("left out", Style.WARN), skipped.reason]
        for skipped in result.capture.skipped
    ]
    rows.sort(key=lambda row: row[0] if isinstance(row[0], str) else row[0].text)
    columns = [
        Column("service"),
        Column("from"),
        Column("to"),
        Column("result"),
        Column("reason", wide=not result.capture.skipped, flow=Flow.PROSE),
    ]
    title = f"{draft.environment} ({result.capture.images_path}…)"
    blocks: list[Table | Line] = [Table(columns, rows, title)] if rows else []
    commit = result.written.commit if result.written is not None else None
    if result.written is not None and result.written.changed and commit is not None:
        what = plural(len(draft.changes), "service")
        if result.exported is not None:
            what += f" and {plural(len(_manifests(result)), 'manifest')}"
        blocks.append(Line(f"recorded {what} in {draft.environment} (commit {commit[:7]})"))
    elif result.written is not None:
        blocks.append(Line(f"{draft.environment}: everything is recorded already"))
    titles = "environment service from to changed dry_run commit"
    records = Records("services", titles, "{environment}/{service}")
    return View("capture", document(result), blocks, records=records)


def _row(change: Change, result: str, style: Style) -> list[Cell | str]:
    current, desired = change.current, change.desired
    return [
        change.service,
        current.short if current is not None else "",
        desired.short if desired is not None else "",
        Cell(result, style),
        "",
    ]


def _manifests(result: Captured) -> list[str]:
    marker = f"{result.draft.environment}/{MANIFESTS}/"
    return [e.path for e in result.draft.proposal.edits if e.path.startswith(marker)]


def document(result: Captured) -> dict[str, Any]:
    """Return the document of `gitops capture -o json`."""
    draft, written = result.draft, result.written
    return {
        "environment": draft.environment,
        "images_path": result.capture.images_path,
        "changed": written is not None and written.changed,
        "dry_run": written is None,
        "commit": written.commit if written is not None else None,
        "services": [
            {
                "service": change.service,
                "from": None if change.current is None else str(change.current),
                "to": None if change.desired is None else str(change.desired),
                "changed": change in draft.changes,
            }
            for change in (*draft.changes, *draft.unchanged)
        ],
        "manifests": _manifests(result),
        "skipped": [
            {"service": s.service, "kind": s.kind.value, "reason": s.reason}
            for s in result.capture.skipped
        ],
        "warnings": list(draft.warnings),
    }
