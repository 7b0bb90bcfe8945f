"""An environment that leaves the record, or gets another name."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.env_move import EnvironmentMove
from gitops_cli.render.view import Cell, Column, Line, Records, Style, Table, View

_RECORDS = Records(
    "services", "environment service version dry_run changed commit", "{environment}/{service}"
)


def move_plan(draft: EnvironmentMove) -> View:
    """Return what moves or goes, before anything is written."""
    return View(_kind(draft), _document(draft, None), tuple(_plan(draft)), records=_RECORDS)


def move_result(draft: EnvironmentMove, written: Written | None, *, shown: bool) -> View:
    """Return what was done; `written` is None for a dry run, `shown` says the plan was seen."""
    if written is None:
        line = Line(f"would write: {draft.proposal.subject}", Style.INFO)
    else:
        commit = f" ({written.commit[:SHORT]})" if written.commit else ""
        line = Line(f"{draft.proposal.subject}{commit}", Style.GOOD)
    blocks = (line,) if shown else (*_plan(draft), line)
    return View(_kind(draft), _document(draft, written), blocks, records=_RECORDS)


def _kind(draft: EnvironmentMove) -> str:
    return "environment-removal" if draft.new is None else "environment-rename"


def _plan(draft: EnvironmentMove) -> list[Table | Line]:
    title = (
        f"Remove {draft.environment} from the record"
        if draft.new is None
        else f"Rename {draft.environment} to {draft.new}"
    )
    columns = (Column("service"), Column("version"), Column("kind", wide=True))
    rows: list[list[Cell | str]] = [
        [file.service, file.version.short, file.kind.value] for file in draft.services
    ]
    blocks: list[Table | Line] = [Table(columns, rows, title)] if rows else [Line(title)]
    if draft.has_manifests:
        blocks.append(Line("and its manifests"))
    return blocks


def _document(draft: EnvironmentMove, written: Written | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "environment": draft.environment,
        "services": [
            {"service": file.service, "version": str(file.version)} for file in draft.services
        ],
        "manifests": draft.has_manifests,
        "dry_run": written is None,
        "changed": written is not None and written.changed,
        "commit": written.commit if written is not None else None,
        "reason": draft.reason,
        "overrides": [override.value for override in draft.overrides],
        "warnings": list(draft.warnings),
    }
    return document if draft.new is None else {**document, "new_name": draft.new}
