"""Steps, as a table and as documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gitops_cli.domain.duration import age
from gitops_cli.domain.steps.report import StepReport, StepState
from gitops_cli.domain.text import plural, spoken
from gitops_cli.render.view import Cell, Column, Flow, Line, Style, Table, verbatim

TAIL = 10
"""Lines of a program that are shown of a step that changes something, or failed."""
MOST = 1_000
"""Lines of a program in a document."""

_STYLES = {
    StepState.UNCHANGED: Style.GOOD,
    StepState.CHANGES: Style.WARN,
    StepState.APPLIED: Style.GOOD,
    StepState.FAILED: Style.BAD,
    StepState.NOT_TRIED: Style.WARN,
}


def step_document(step: StepReport) -> dict[str, Any]:
    """Return one step in full, but for the first of very many lines."""
    error = step.error
    return {
        "name": step.name,
        "tool": step.tool.value,
        "directory": step.directory,
        "state": step.state.value,
        "says": step.says,
        "output": list(step.output[-MOST:]),
        "seconds": round(step.seconds, 3),
        "produced": list(step.produced),
        "error": None
        if error is None
        else {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": int(error.exit_code),
        },
    }


def step_blocks(
    steps: Sequence[StepReport], environment: str, *, verbose: bool = False
) -> list[Table | Line]:
    """Return the steps of an environment, and the last lines of those that are not unchanged."""
    columns = (
        Column("step"),
        Column("tool"),
        Column("directory", wide=True),
        Column("state"),
        Column("says", flow=Flow.PROSE),
        Column("took", right=True),
    )
    title = f"{environment}: steps"
    blocks: list[Table | Line] = [Table(columns, [_cells(step) for step in steps], title)]
    for step in steps:
        if verbose or step.state is not StepState.UNCHANGED:
            blocks += _lines(step, verbose=verbose)
    return blocks


def _cells(step: StepReport) -> list[Cell | str]:
    return [
        step.name,
        step.tool.value,
        step.directory,
        Cell(spoken(step.state), _STYLES[step.state]),
        step.says or (step.error.message if step.error is not None else ""),
        age_of(step.seconds),
    ]


def age_of(seconds: float) -> str:
    """Return how long something took, with parts of a second where it was quick."""
    from datetime import timedelta

    return f"{seconds:.1f}s" if seconds < 10 else age(timedelta(seconds=seconds))


def _lines(step: StepReport, *, verbose: bool) -> list[Line]:
    told = [line for line in step.output if verbose or line.strip()]
    last = told if verbose else told[-TAIL:]
    hidden = len(told) - len(last)
    more = [Line(f"  {step.name} | … {plural(hidden, 'line')} more: -v", Style.DIM)]
    lines = [verbatim(f"  {step.name} | {line}", Style.DIM) for line in last]
    return [*(more if hidden else []), *lines]


def steps_summary(steps: Sequence[StepReport]) -> str:
    """Return how many steps are how."""
    counts = Counter(step.state for step in steps)
    said = ", ".join(f"{counts[state]} {spoken(state)}" for state in StepState if counts[state])
    return f"steps: {said}"
