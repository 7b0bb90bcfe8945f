"""Views of the agent: its manifests, its plan, its status and its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitops_cli.agent.model.status import AgentStatus, Health, to_data
from gitops_cli.domain.duration import age
from gitops_cli.domain.stamp import as_stamp
from gitops_cli.domain.text import plural, spoken
from gitops_cli.render.view import (
    Cell,
    Column,
    Flow,
    Line,
    Records,
    Style,
    Table,
    View,
    verbatim,
)

if TYPE_CHECKING:
    from gitops_cli.agent.model.figures import AgentFigures
    from gitops_cli.agent.model.outcome import (
        AgentReport,
        AgentReports,
        KeyResult,
        PlannedObject,
        Round,
        Visit,
    )

_STEPS = {"create": Style.GOOD, "change": Style.WARN, "delete": Style.BAD, "keep": Style.DIM}
_HEALTH = {Health.OK: Style.GOOD, Health.SUSPENDED: Style.WARN, Health.NEVER_RAN: Style.WARN}

_VISITED = Records("environments", "environment result tip message error", "{environment}")
_FIGURES = Records(
    "environments",
    "environment last_attempt last_success failing lag_seconds drift",
    "{environment}",
)
_REPORTED = Records(
    "agents",
    "environment health mode namespace last_attempt last_success commit message error",
    "{environment}",
)


def manifests_yaml(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Return the objects as YAML documents that `kubectl apply -f -` takes."""
    from gitops_cli.plain_yaml import written  # the other commands need not wait for YAML

    return "---\n".join(written(dict(manifest)) for manifest in manifests)


def manifests_view(manifests: Sequence[Mapping[str, Any]]) -> View:
    """Return the printed objects."""
    return View(
        "agent-manifests",
        {"items": [dict(manifest) for manifest in manifests]},
        (verbatim(manifests_yaml(manifests).rstrip("\n")),),
        records=Records(
            "items", "kind namespace=metadata.namespace name=metadata.name", "{kind}/{name}"
        ),
    )


def plan_view(plan: Sequence[PlannedObject], *, done: bool) -> View:
    """Return what will be or was done with each object; never what is in a Secret."""
    several = len({p.cluster for p in plan}) > 1
    worded = any(p.changes for p in plan)
    rows: list[list[Cell | str]] = [
        [
            Cell(p.step.value, _STEPS[p.step.value]),
            p.kind,
            p.name,
            p.namespace or "(cluster)",
            *([p.cluster or ""] if several else []),
            *(["; ".join(p.changes)] if worded else []),
        ]
        for p in plan
    ]
    columns = [Column(name) for name in ("step", "kind", "name", "namespace")]
    if several:
        columns.append(Column("cluster"))
    if worded:
        columns.append(Column("changes", flow=Flow.PROSE))
    document = {
        "done": done,
        "objects": [
            {
                "step": p.step.value,
                "kind": p.kind,
                "name": p.name,
                "namespace": p.namespace,
                "changes": list(p.changes),
                "cluster": p.cluster,
            }
            for p in plan
        ],
    }
    records = Records("objects", "step kind namespace name cluster changes", "{kind}/{name}")
    return View("agent-plan", document, (Table(columns, rows),), records=records)


def key_view(result: KeyResult) -> View:
    """Return the public key: that alone on stdout, so that it can be piped."""
    document = {
        "namespace": result.namespace,
        "step": result.step,
        "public_key": result.public,
        "retired_public_key": result.retired,
        "host_keys": [
            {"name": key.name, "algorithm": key.algorithm, "fingerprint": key.fingerprint}
            for key in result.hosts
        ],
    }
    records = Records("", "namespace step public_key", "{namespace}")
    return View("agent-key", document, (verbatim(result.public),), records=records)


def status_view(reports: AgentReports) -> View:
    """Return how each environment's agent is, and its last words where it is not well."""
    rows = [_status_row(report) for report in reports.agents]
    columns = [
        Column("environment"),
        Column("health"),
        Column("mode"),
        Column("last run", right=True),
        Column("last success", right=True),
        Column("commit"),
        Column("message", flow=Flow.PROSE),
    ]
    blocks: list[Table | Line] = [Table(columns, rows)]
    for report in reports.agents:
        if report.log:
            blocks.append(Line(""))
            blocks.append(Line(f"last log lines of {report.environment}:", Style.STRONG))
            blocks += [verbatim(f"  {line}", Style.DIM) for line in report.log]
    document = {
        "at": reports.at.isoformat(),
        "all_well": reports.all_well,
        "agents": [_report_document(report) for report in reports.agents],
    }
    return View("agent-status", document, blocks, records=_REPORTED)


def _status_row(report: AgentReport) -> list[Cell | str]:
    status, at = report.status, report.at
    return [
        report.environment,
        Cell(spoken(report.health), _HEALTH.get(report.health, Style.BAD)),
        report.mode or "",
        _ago(status.last_attempt, at),
        _ago(status.last_success, at),
        (status.commit or "")[:7],
        Cell(status.error, Style.BAD) if status.error else status.message or "",
    ]


def _ago(moment: datetime | None, at: datetime) -> str:
    return "never" if moment is None else f"{age(at - moment)} ago"


def _report_document(report: AgentReport) -> dict[str, Any]:
    return {
        "environment": report.environment,
        "health": report.health.value,
        "mode": report.mode,
        "namespace": report.namespace,
        **_status_document(report.status),
        "log": list(report.log),
    }


def _status_document(status: AgentStatus) -> dict[str, Any]:
    fields = {key.replace("-", "_"): value for key, value in to_data(status).items()}
    return {**fields, "interval": status.interval}


def round_view(result: Round) -> View:
    """Return what one run did in each environment."""
    document = {
        "tip": result.tip,
        "exit_code": int(result.exit_code),
        "environments": [
            {"environment": v.status.environment, **_status_document(v.status)}
            for v in result.visits
        ],
    }
    lines = [Line(visit_line(visit)) for visit in result.visits]
    return View("agent-run", document, lines, records=_VISITED)


def metrics_view(figures: Sequence[AgentFigures], text: str, at: datetime) -> View:
    """Return figures of environments; people get Prometheus's text of them."""
    document = {
        "at": as_stamp(at),
        "environments": [
            {
                "environment": one.environment,
                "last_attempt": one.last_attempt and as_stamp(one.last_attempt),
                "last_success": one.last_success and as_stamp(one.last_success),
                "failing": one.is_failing,
                "lag_seconds": one.lag(at),
                "drift": one.drift,
            }
            for one in figures
        ],
    }
    return View(
        "metrics", document, [verbatim(line) for line in text.splitlines()], records=_FIGURES
    )


def visit_line(visit: Visit) -> str:
    status = visit.status
    word = spoken(status.result) if status.result else "nothing"
    at = f" at {status.tip[:7]}" if status.tip else ""
    why = f": {status.error}" if status.error else f": {status.message}"
    return f"{status.environment}: {word}{at}{why}"


def plan_line(planned: PlannedObject) -> str:
    """Return `change Deployment gitops-agent in gitops-agent (prod-eu): also for shop-dev`."""
    where = f" in {planned.namespace}" if planned.namespace else ""
    cluster = f" ({planned.cluster})" if planned.cluster else ""
    words = f": {'; '.join(planned.changes)}" if planned.changes else ""
    return f"{planned.step.value} {planned.kind} {planned.name}{where}{cluster}{words}"


def count_line(plan: Sequence[PlannedObject]) -> str:
    """Return `8 objects to create, 1 to change`."""
    words = [step for step in ("create", "change", "delete") if any(p.step == step for p in plan)]
    counts = [f"{sum(p.step == word for p in plan)} to {word}" for word in words]
    return f"{plural(len(plan), 'object')}: {', '.join(counts) or 'nothing to do'}"
