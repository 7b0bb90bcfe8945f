"""What the doctor found."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.operations.doctor import Diagnosis, Verdict
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_STYLES = {
    Verdict.OK: Style.GOOD,
    Verdict.WARNING: Style.WARN,
    Verdict.FAILED: Style.BAD,
    Verdict.SKIPPED: Style.DIM,
}


def view(checks: Sequence[Diagnosis]) -> View:
    """Return a row per check, and below how to mend what is wrong."""
    document = {
        "healthy": all(check.verdict is not Verdict.FAILED for check in checks),
        "checks": [
            {
                "name": check.name,
                "verdict": check.verdict.value,
                "detail": check.detail,
                "hint": check.hint,
            }
            for check in checks
        ],
    }
    rows: list[list[Cell | str]] = [
        [Cell(check.verdict.value, _STYLES[check.verdict]), check.name, check.detail]
        for check in checks
    ]
    table = Table((Column("result"), Column("check"), Column("detail", flow=Flow.PROSE)), rows)
    hints = [check for check in checks if check.hint and check.verdict is not Verdict.OK]
    mending = [Line(""), Line("To mend it:", Style.STRONG)] if hints else []
    lines = [Line(f"  {check.name}: {check.hint}") for check in hints]
    records = Records("checks", "check=name verdict detail hint", "{check}")
    return View("doctor", document, (table, *mending, *lines), records=records)
