"""What of a comparison is known drift, in every format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitops_cli.domain.cluster.baseline import BaselineVerdict, Drift
from gitops_cli.domain.text import plural
from gitops_cli.render.view import Line, Style, View


def with_baseline(view: View, verdict: BaselineVerdict) -> View:
    """Return the view of a comparison, and below it what is new, what is known and what is gone."""
    lines = [Line(f"new: {drift}", Style.BAD) for drift in verdict.new]
    lines += [Line(f"known: {drift}", Style.DIM) for drift in verdict.known]
    lines += [Line(f"gone: {drift}", Style.GOOD) for drift in verdict.gone]
    found = {
        "known": _documents(verdict.known),
        "new": _documents(verdict.new),
        "gone": _documents(verdict.gone),
    }
    return view._replace(
        blocks=(*view.blocks, *lines), document={**view.document, "baseline": found}
    )


def _documents(drifts: Iterable[Drift]) -> list[dict[str, Any]]:
    return [drift._asdict() for drift in drifts]


def baseline_line(verdict: BaselineVerdict) -> str:
    """Return one line of it for stderr."""
    return f"{plural(len(verdict.new), 'new difference')}, {len(verdict.known)} known"
