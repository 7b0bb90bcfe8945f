"""The difference between git and live clusters, as tables and as a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.cluster.advice import commands
from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State
from gitops_cli.domain.cluster.pods import RunningImage
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.text import plural, spoken
from gitops_cli.render.locked import lock_document
from gitops_cli.render.view import (
    Cell,
    Column,
    Flow,
    Line,
    Records,
    Style,
    Table,
    View,
    urgency,
    verbatim,
)

if TYPE_CHECKING:
    from gitops_cli.domain.steps.report import StepReport

STYLES = {
    State.IN_SYNC: Style.GOOD,
    State.DIGEST: Style.GOOD,
    State.DIFFERS: Style.WARN,
    State.ROLLING: Style.INFO,
    State.FAILED: Style.BAD,
    State.MISSING: Style.BAD,
    State.UNCLEAR: Style.BAD,
    State.UNTRACKED: Style.DIM,
}

_FINE = {State.IN_SYNC.value, State.DIGEST.value, State.UNTRACKED.value}
_HASH = r"\b([0-9a-f]{7})(?:[0-9a-f]{57}|[0-9a-f]{33})\b"

RECORDS = Records(
    "environments.rows",
    "environment=name context service kind workload container state gone held wanted recorded "
    "running=running.image state_commit reason",
    "{environment}/{service}",
)


def diff_view(result: Diff, *, verbose: bool = False) -> View:
    """Return all environments, each with its rows: what needs somebody first.

    `verbose`: with all that steps said.
    """
    blocks: list[Table | Line] = []
    for comparison in result.environments:
        context = result.contexts.get(comparison.environment)
        blocks += environment_blocks(_worst_first(comparison), context)
        blocks += _steps(comparison, verbose=verbose)
    return View("diff", document(result), blocks, records=RECORDS)


def _worst_first(comparison: Comparison) -> Comparison:
    rows = sorted(comparison.rows, key=lambda row: urgency([STYLES[row.state]]))
    return comparison._replace(rows=tuple(rows))


def document(result: Diff) -> dict[str, Any]:
    """Return the document of `gitops diff -o json`."""
    rows = [row for comparison in result.environments for row in comparison.rows]
    return {
        "commit": result.commit,
        "in_sync": result.exit_code == 0,
        "summary": _summary(rows),
        "environments": [
            {
                "name": comparison.environment,
                "context": result.contexts.get(comparison.environment),
                "rows": [
                    row_document(row, result.contexts.get(row.environment))
                    for row in comparison.rows
                ],
                **_objects_document(comparison),
                **_steps_document(comparison),
                "problems": [problem_document(problem) for problem in comparison.problems],
                "notes": list(comparison.notes),
            }
            for comparison in result.environments
        ],
    }


def _objects_document(comparison: Comparison) -> dict[str, Any]:
    if comparison.objects is None:
        return {}
    from gitops_cli.render.objects import object_document  # environments without do without

    return {"objects": [object_document(f, done=False) for f in comparison.objects.fates]}


def _steps_document(comparison: Comparison) -> dict[str, Any]:
    if not comparison.steps:
        return {}
    from gitops_cli.render.steps import step_document  # few environments have some

    return {"steps": [step_document(step) for step in comparison.steps]}


def _steps(comparison: Comparison, *, verbose: bool) -> list[Table | Line]:
    if not comparison.steps:
        return []
    from gitops_cli.render.steps import step_blocks  # few environments have some

    return step_blocks(comparison.steps, comparison.environment, verbose=verbose)


def _summary(rows: Iterable[Row]) -> dict[str, int]:
    counts = Counter(row.state for row in rows)
    return {state.value: counts[state] for state in State if counts[state]}


def row_document(row: Row, context: str | None) -> dict[str, Any]:
    return {
        "service": row.service,
        "kind": row.kind.value,
        "workload": row.workload_name,
        "container": row.container,
        "path": row.path,
        "state": row.state.value,
        "held": row.lock is not None,
        "lock": lock_document(row.lock),
        "wanted": _image(row.wanted),
        "recorded": _image(row.recorded),
        "running": None
        if row.running is None
        else [{"image": str(r.image), "digest": r.digest, "pods": r.pods} for r in row.running],
        "state_commit": row.commit,
        "reason": row.reason,
        "trouble": trouble_document(row.trouble),
        "commands": list(row_commands(row, context)),
    }


def _image(image: ImageRef | None) -> str | None:
    return None if image is None else str(image)


def trouble_document(trouble: Trouble | None) -> dict[str, Any] | None:
    """Return what keeps the pods."""
    if trouble is None:
        return None
    return {
        "reason": trouble.reason,
        "message": trouble.message,
        "pod": trouble.pod,
        "container": trouble.container,
        "exit_code": trouble.exit_code,
        "restarts": trouble.restarts,
        "final": trouble.final,
        "log": list(trouble.log),
    }


def problem_document(problem: GitOpsError) -> dict[str, Any]:
    """Return what could not be told, and why."""
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "exit_code": int(problem.exit_code),
    }


def row_commands(row: Row, context: str | None) -> tuple[str, ...]:
    """Return the kubectl commands for a row that failed."""
    if row.state is not State.FAILED:
        return ()
    return commands(row.environment, row.kind, row.workload_name, row.trouble, context)


def environment_blocks(comparison: Comparison, context: str | None) -> list[Table | Line]:
    """Return one environment's table, and what explains its failures."""
    where = f" ({context})" if context else ""
    title = f"{comparison.environment}{where}"
    blocks: list[Table | Line] = []
    if comparison.rows:
        blocks.append(rows_table(comparison.rows, title))
    elif comparison.objects is not None:
        blocks.append(Line(title, Style.STRONG))
    elif not comparison.problems:
        blocks.append(Line(f"{title}: no services", Style.DIM))
    for row in comparison.rows:
        blocks += failure_lines(row, context)
    failed = [row.service for row in comparison.rows if row.state is State.FAILED]
    blocks += way_back(comparison.environment, failed)
    if comparison.objects is not None:
        from gitops_cli.render.objects import diff_lines  # environments without do without

        blocks += diff_lines(comparison.objects)
    return blocks


def failure_lines(row: Row, context: str | None) -> list[Line]:
    """Return a failed row's last log lines and the commands that show more."""
    lines: list[Line] = []
    if row.state is State.FAILED and row.trouble is not None:
        who = f"{row.service}{'' if row.trouble.pod is None else ' ' + row.trouble.pod}"
        lines += [verbatim(f"  {who} | {text}", Style.DIM) for text in row.trouble.log]
    lines += [verbatim(f"  {command}", Style.DIM) for command in row_commands(row, context)]
    return lines


def way_back(environment: EnvironmentName, failed: Sequence[ServiceName]) -> list[Line]:
    """Return what to type to go back to what ran before; nothing if nothing failed."""
    if not failed:
        return []
    names = " ".join(dict.fromkeys(failed))
    return [verbatim(f"  gitops rollback {names} -e {environment}", Style.DIM)]


def rows_table(rows: Sequence[Row], title: str | None) -> Table:
    """Return the rows; columns that say nothing are left to -o wide."""
    several = len({row.service for row in rows}) < len(rows)
    held = any(row.lock is not None for row in rows)
    pods = any(row.running is not None for row in rows)
    columns = [
        Column("service"),
        Column("kind", wide=len({row.kind for row in rows}) == 1),
        Column("container", wide=not several),
        Column("git"),
        Column("workload"),
        Column("running", wide=not pods),
        Column("state"),
        Column("held", wide=not held, flow=Flow.WRAP),
        Column("reason", wide=not any(row.reason for row in rows), flow=Flow.BRIEF),
        Column("state commit", wide=True),
    ]
    return Table(columns, [_cells(row) for row in rows], title)


def _cells(row: Row) -> list[Cell | str]:
    return [
        row.service,
        row.kind.value,
        row.container or "",
        version(row.wanted),
        version(row.recorded, row.wanted),
        running_text(row.running, row.wanted),
        Cell(spoken(row.state), STYLES[row.state]),
        Cell(held_text(row.lock), Style.WARN),
        brief(row.reason or "", row.wanted, row.recorded),
        (row.commit or "")[:7],
    ]


def brief(reason: str, *images: ImageRef | None) -> str:
    """Return a reason as it is read: images by service and version, hashes as everywhere."""
    for image in images:
        if image is not None and image.version is not None:
            short = f"{image.repository.rpartition('/')[2]}:{image.version.short}"
            before, named, after = reason.replace(str(image), short).partition(short)
            reason = before + named + after.replace(f"{short}: ", "")  # a kubelet says it twice
    return re.sub(_HASH, r"\1", reason)


def version(image: ImageRef | None, other: ImageRef | None = None) -> str:
    """Return an image's version in short; the whole image where its repository is another one."""
    if image is None:
        return ""
    if image.version is None or (other is not None and other.repository != image.repository):
        return str(image)
    short = image.version.short
    return f"{short}@{image.digest[7:14]}" if image.digest else short


def running_text(running: Sequence[RunningImage] | None, wanted: ImageRef | None) -> str:
    """Return what pods run: `36a03b3`, or `36a03b3 ×2, 8f14e45 ×1` where they do not agree."""
    if running is None:
        return "?"
    by_version: Counter[str] = Counter()
    for one in running:
        by_version[version(one.image, wanted)] += one.pods
    if len(by_version) == 1:
        return next(iter(by_version))
    return ", ".join(f"{name} ×{count}" for name, count in by_version.items())


def held_text(lock: Lock | None) -> str:
    """Return who holds it and why, in short."""
    if lock is None:
        return ""
    said = ": ".join(part for part in (lock.by, lock.reason) if part)
    return said or "held"


def summary_line(result: Diff) -> str:
    """Return one line for stderr: how many services are how."""
    rows = [row for comparison in result.environments for row in comparison.rows]
    problems = sum(len(comparison.problems) for comparison in result.environments)
    fates = [f for c in result.environments if c.objects is not None for f in c.objects.fates]
    steps = [step for comparison in result.environments for step in comparison.steps]
    if steps:
        return _with_steps(result, steps)
    if not rows and not fates:
        return "nothing could be compared" if problems else "nothing to compare"
    counts = _summary(rows)
    if not problems and set(counts) <= _FINE and not any(fate.differs for fate in fates):
        containers = plural(len([r for r in rows if r.wanted is not None]), "container")
        objects = [plural(len(fates), "object")] if fates else []
        return f"in sync: {', '.join([containers, *objects])}"
    said = [f"{count} {spoken(state)}" for state, count in counts.items()]
    said += [plural(problems, "error")] if problems else []
    if fates:
        from gitops_cli.render.objects import summary

        states = ", ".join(f"{count} {spoken(state)}" for state, count in summary(fates).items())
        said.append(f"objects: {states}")
    return ", ".join(said)


def _with_steps(result: Diff, steps: Sequence[StepReport]) -> str:
    from gitops_cli.render.steps import steps_summary

    without = tuple(comparison._replace(steps=()) for comparison in result.environments)
    return f"{summary_line(result._replace(environments=without))}; {steps_summary(steps)}"
