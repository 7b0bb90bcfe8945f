"""What two environments record, beside each other."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.version import Version
from gitops_cli.operations.recorded_diff import RecordedDiff, RecordedVersion
from gitops_cli.render.diff import problem_document
from gitops_cli.render.objects import diff_lines, object_document
from gitops_cli.render.view import Cell, Column, Line, Records, Style, Table, View

_RECORDS = Records("services", "service from to differs", "{service}")


def recorded_diff_view(result: RecordedDiff) -> View:
    """Return the services, and what differs of the objects."""
    blocks: list[Table | Line] = []
    if result.services:
        columns = [Column("service"), Column(result.one), Column(result.other), Column("state")]
        blocks.append(Table(columns, [_cells(one) for one in result.services]))
    if result.objects.fates:
        blocks += diff_lines(result.objects)
    return View("recorded-diff", document(result), blocks, records=_RECORDS)


def document(result: RecordedDiff) -> dict[str, Any]:
    """Return the document of `gitops diff --envs A B -o json`."""
    return {
        "commit": result.commit,
        "from": result.one,
        "to": result.other,
        "services": [
            {
                "service": one.service,
                "from": _said(one.before),
                "to": _said(one.after),
                "differs": one.differs,
            }
            for one in result.services
        ],
        "objects": [object_document(fate, done=False) for fate in result.objects.fates],
        "problems": [problem_document(problem) for problem in result.problems],
    }


def _said(version: Version | None) -> str | None:
    return None if version is None else str(version)


def _cells(one: RecordedVersion) -> list[Cell | str]:
    state = Cell("differs", Style.WARN) if one.differs else Cell("same", Style.DIM)
    versions = [version.short if version else "-" for version in (one.before, one.after)]
    return [one.service, *versions, state]
