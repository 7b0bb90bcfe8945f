"""How the agents of a cluster are: judged by the API server's clock, not by theirs or ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitops_cli.agent.installing import Installed, attempt_all_installed
from gitops_cli.agent.model.outcome import AgentReport
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.model.status import AgentStatus, Health, from_data, health, stale_after
from gitops_cli.domain.errors import Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.stamp import parse_stamp
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ASKED_AT_ONCE, attempt_all


def read_reports(
    objects: Objects,
    environments: Sequence[EnvironmentName],
    *,
    now: datetime,
    limit: float | None = None,
) -> tuple[list[AgentReport], list[GitOpsError]]:
    """Read each agent's status; return also why some cannot be read.

    `now` is the API server's; `limit` (seconds): when one is stale.
    """
    installed = attempt_all_installed(objects, environments)
    pairs = list(zip(environments, installed, strict=True))
    found = attempt_all(
        lambda pair: _report(objects, *pair, now, limit), pairs, at_once=ASKED_AT_ONCE
    )
    read = _with_logs(objects, found)
    reports = [each for each in read if not isinstance(each, GitOpsError)]
    return reports, [each for each in read if isinstance(each, GitOpsError)]


def read_status(
    objects: Objects, environment: EnvironmentName, config: Mapping[str, Any] | None = None
) -> tuple[AgentStatus, datetime | None]:
    """Return what an environment's agent wrote, and when by the API server's clock.

    `config` is its ConfigMap where that was read already.
    """
    found = config if config is not None else objects.get("ConfigMap", environment, NAME) or {}
    return from_data(environment, found.get("data") or {}), written_at(found)


def _report(
    objects: Objects,
    environment: EnvironmentName,
    installed: Installed | GitOpsError | None,
    now: datetime,
    limit: float | None,
) -> AgentReport:
    if isinstance(installed, GitOpsError):
        raise installed
    status, written = read_status(objects, environment)
    if installed is None or installed.workload is None:
        return AgentReport(now, environment, Health.MISSING, status)
    mode = "controller" if installed.is_controller else "cronjob"
    # The time of writing is the server's; the agent's own clock may be wrong.
    judged = status._replace(last_attempt=written or status.last_attempt)
    word = health(judged, now, limit=stale_after(status, limit))
    if installed.suspended:
        word = Health.SUSPENDED
    return AgentReport(now, environment, word, judged, mode, installed.namespace)


def _with_logs(
    objects: Objects, reports: Sequence[AgentReport | GitOpsError]
) -> list[AgentReport | GitOpsError]:
    """Add what each agent that is not well said last: a controller says it for all it has."""
    homes = {
        report.namespace
        for report in reports
        if isinstance(report, AgentReport) and report.health is not Health.OK and report.namespace
    }
    asked = sorted(homes)
    said = attempt_all(lambda home: _log(objects, home), asked, at_once=ASKED_AT_ONCE)
    logs = dict(zip(asked, said, strict=True))
    return [_with_log(report, logs) for report in reports]


def _with_log(
    report: AgentReport | GitOpsError, logs: Mapping[str, tuple[str, ...] | GitOpsError]
) -> AgentReport | GitOpsError:
    if isinstance(report, GitOpsError) or report.health is Health.OK or not report.namespace:
        return report
    log = logs[report.namespace]
    return log if isinstance(log, GitOpsError) else report._replace(log=log)


def _log(objects: Objects, namespace: str) -> tuple[str, ...]:
    try:
        return tuple(objects.last_words(namespace, f"app.kubernetes.io/name={NAME}"))
    except Denied:
        return ()


def written_at(manifest: Mapping[str, Any], manager: str | None = NAME) -> datetime | None:
    """Return when a manager (None: anybody) last changed an object, by the API server's clock."""
    times = [
        parse_stamp(entry.get("time"))
        for entry in (manifest.get("metadata") or {}).get("managedFields") or ()
        if manager in (None, entry.get("manager"))
    ]
    return max((time for time in times if time is not None), default=None)
