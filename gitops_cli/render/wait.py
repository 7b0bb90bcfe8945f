"""Whether clusters have reached a state commit."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.cluster.sync import (
    EnvironmentReport,
    RolloutVerdict,
    SyncOutcome,
    SyncReport,
)
from gitops_cli.domain.text import spoken
from gitops_cli.render.diff import brief, problem_document, version, way_back
from gitops_cli.render.sync import failure_blocks, outcome_document
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_STYLES = {
    RolloutVerdict.READY: Style.GOOD,
    RolloutVerdict.HALTED: Style.WARN,
    RolloutVerdict.CHANGED: Style.WARN,
}

_RECORDS = Records(
    "environments.services",
    "environment=name context service kind workload rollout before wanted state_commit held reason "
    "error=error.message",
    "{environment}/{service}",
)


def wait_view(report: SyncReport) -> View:
    """Return every service with the end of its rollout."""
    blocks: list[Table | Line] = []
    for environment in report.environments:
        blocks += _blocks(environment)
    return View("wait", document(report), blocks, records=_RECORDS)


def document(report: SyncReport) -> dict[str, Any]:
    """Return the document of `gitops wait -o json`."""
    return {
        "commit": report.commit,
        "reached": report.exit_code == 0,
        "exit_code": int(report.exit_code),
        "environments": [
            {
                "name": environment.environment,
                "context": environment.context,
                "services": [
                    {
                        **outcome_document(outcome, environment.context),
                        "state_commit": outcome.commit,
                    }
                    for outcome in environment.outcomes
                ],
                "problems": [problem_document(problem) for problem in environment.problems],
            }
            for environment in report.environments
        ],
    }


def _blocks(environment: EnvironmentReport) -> list[Table | Line]:
    where = f" ({environment.context})" if environment.context else ""
    title = f"{environment.environment}{where}"
    outcomes = environment.outcomes
    if not outcomes:
        return [] if environment.problems else [Line(f"{title}: no services", Style.DIM)]
    if all(o.error is not None for o in outcomes):
        return []  # nothing was seen, and each error is told on stderr, once
    columns = [
        Column("service"),
        Column("kind", wide=len({o.kind for o in outcomes}) == 1),
        Column("git"),
        Column("workload"),
        Column("rollout"),
        Column("state commit"),
        Column("reason", wide=not any(o.reason or o.error for o in outcomes), flow=Flow.BRIEF),
    ]
    blocks: list[Table | Line] = [Table(columns, [_cells(o) for o in outcomes], title)]
    for outcome in outcomes:
        blocks += failure_blocks(outcome, environment.context)
    failed = [o.service for o in outcomes if o.verdict is RolloutVerdict.FAILED]
    return blocks + way_back(environment.environment, failed)


def _cells(outcome: SyncOutcome) -> list[Cell | str]:
    verdict = outcome.verdict or RolloutVerdict.TIMED_OUT
    return [
        outcome.service,
        outcome.kind.value,
        version(outcome.wanted),
        version(outcome.before, outcome.wanted),
        Cell(spoken(verdict), _STYLES.get(verdict, Style.BAD)),
        (outcome.commit or "")[:7],
        outcome.error.message if outcome.error is not None else _reason(outcome),
    ]


def _reason(outcome: SyncOutcome) -> str:
    return brief(outcome.reason or "", outcome.wanted, outcome.before)
