"""How the agents of a cluster are: judged by the API server's clock, not by theirs or ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitops_cli.agent.installing import find_installed
from gitops_cli.agent.model.outcome import AgentReport
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.model.status import AgentStatus, Health, from_data, health, stale_after
from gitops_cli.domain.errors import Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.stamp import parse_stamp
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ask_all


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
    read = ask_all(lambda name: _report(objects, name, now, limit), environments)
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
    objects: Objects, environment: EnvironmentName, now: datetime, limit: float | None
) -> AgentReport | GitOpsError:
    try:
        return _read(objects, environment, now, limit)
    except GitOpsError as error:  # the agents of other namespaces can be told of
        return error


def _read(
    objects: Objects, environment: EnvironmentName, now: datetime, limit: float | None
) -> AgentReport:
    installed = find_installed(objects, environment)
    status, written = read_status(objects, environment)
    if installed is None or installed.workload is None:
        return AgentReport(now, environment, Health.MISSING, status)
    mode = "controller" if installed.is_controller else "cronjob"
    # The time of writing is the server's; the agent's own clock may be wrong.
    judged = status._replace(last_attempt=written or status.last_attempt)
    word = health(judged, now, limit=stale_after(status, limit))
    if installed.suspended:
        word = Health.SUSPENDED
    log = () if word is Health.OK else _log(objects, installed.namespace)
    return AgentReport(now, environment, word, judged, mode, installed.namespace, log)


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
