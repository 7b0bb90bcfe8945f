"""A service's new name: where it is renamed, and what that means for its images."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.text import plural
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.rename import Renamed, RenameDraft, SettingsTable
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_RECORDS = Records(
    "environments",
    "environment service new_name kind=workload_kind version image new_image "
    "dry_run changed commit",
    "{environment}/{new_name}",
)
_COLUMNS = (
    Column("environment"),
    Column("version"),
    Column("kind", wide=True),
    Column("image now", wide=True),
    Column("image new", flow=Flow.WRAP),
)


def rename_plan(draft: RenameDraft) -> View:
    """Return a row per environment, before anything is written."""
    return View("rename", _document(draft, None), tuple(_plan(draft)), records=_RECORDS)


def rename_result(draft: RenameDraft, written: Written | None, *, shown: bool) -> View:
    """Return what was renamed; `written` is None for a dry run, `shown` says the plan was seen."""
    where = plural(len(draft.places), "environment")
    if written is None:
        line = Line(f"would rename {draft.old} to {draft.new} in {where}", Style.INFO)
    else:
        commit = f" ({written.commit[:SHORT]})" if written.commit else ""
        line = Line(f"renamed {draft.old} to {draft.new} in {where}{commit}", Style.GOOD)
    blocks = (line,) if shown else (*_plan(draft), line)
    return View("rename", _document(draft, written), blocks, records=_RECORDS)


def _plan(draft: RenameDraft) -> list[Table | Line]:
    rows = Table(
        _COLUMNS, [_row(place) for place in draft.places], f"Rename {draft.old} to {draft.new}"
    )
    match draft.table:
        case SettingsTable.RENAMED:
            said = f"gitops.toml: [service.{draft.old}] becomes [service.{draft.new}]"
        case SettingsTable.COPIED:
            said = f"gitops.toml: [service.{draft.new}] says what [service.{draft.old}] does"
        case SettingsTable.LEFT:
            said = f"gitops.toml: [service.{draft.new}] is there; [service.{draft.old}] stays too"
        case SettingsTable.NONE:
            return [rows]
    return [rows, Line(said)]


def _row(place: Renamed) -> list[Cell | str]:
    unreadable = Cell("images_path unreadable", Style.BAD)
    return [
        place.environment,
        place.file.version.short,
        place.file.kind.value,
        unreadable if place.image is None else place.image.repository,
        unreadable if place.new_image is None else place.new_image.repository,
    ]


def _document(draft: RenameDraft, written: Written | None) -> dict[str, Any]:
    return {
        "action": "rename",
        "service": draft.old,
        "new_name": draft.new,
        "environments": [
            {
                "environment": place.environment,
                "workload_kind": place.file.kind.value,
                "version": str(place.file.version),
                "image": None if place.image is None else str(place.image),
                "new_image": None if place.new_image is None else str(place.new_image),
            }
            for place in draft.places
        ],
        "settings": draft.table.value,
        "workload": draft.workload,
        "dry_run": written is None,
        "changed": written is not None and written.changed,
        "commit": written.commit if written is not None else None,
        "reason": draft.reason,
        "overrides": [override.value for override in draft.overrides],
    }
