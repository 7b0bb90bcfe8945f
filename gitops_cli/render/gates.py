"""What a gate says of a version, for machines and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitops_cli.render.view import Line, Style

if TYPE_CHECKING:
    from gitops_cli.domain.change.gates import Report


def gate_document(report: Report) -> dict[str, Any]:
    """Return the fields of a document."""
    return {
        "gate": report.gate.value,
        "name": report.name,
        "service": report.service,
        "version": str(report.version),
        "passes": report.passes,
        "says": report.says,
    }


def gate_line(what: str, report: Report) -> Line:
    """Return what a gate says; in a plan one that does not pass was overridden."""
    style = Style.GOOD if report.passes else Style.WARN
    over = "" if report.passes else " (overridden)"
    return Line(f"{report.label}: {what} {report.says}{over}", style)
