"""What `gitops doctor` says of the agents in a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gitops_cli.agent.installing import find_installed
from gitops_cli.agent.model.outcome import AgentReport
from gitops_cli.agent.model.status import Health
from gitops_cli.agent.reports import read_reports
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.doctor import Diagnosis, Verdict
from gitops_cli.operations.placement import Placed
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.shell_agent import DIRECTORY as SHELL_AGENT

_WHILE = {
    Health.NEVER_RAN: "it has not run yet",
    Health.STALE: "its runs do not happen any more",
    Health.SUSPENDED: "somebody stopped it",
    Health.FAILING: "see its log",
}


def agent_checks(session: Session) -> Callable[[Placed], Iterator[Diagnosis]]:
    """Return what judges the agents of one cluster's environments."""

    def judge(group: Placed) -> Iterator[Diagnosis]:
        reports: list[AgentReport] = []
        try:
            now = group.cluster.about().time or session.now()
            reports, errors = read_reports(group.cluster.objects(), group.environments, now=now)
        except GitOpsError as error:
            errors = [error]
        yield from _checks(reports, errors)

    return judge


def is_followed(cluster: Cluster, environment: EnvironmentName) -> bool:
    """Tell whether an agent of ours, or the article's, follows an environment in a cluster.

    Raises Denied, ClusterError.
    """
    objects = cluster.objects()
    installed = find_installed(objects, environment)
    if installed is not None and installed.workload is not None:
        return not installed.suspended
    return objects.get("CronJob", environment, SHELL_AGENT) is not None


def _checks(reports: Sequence[AgentReport], errors: Sequence[GitOpsError]) -> Iterator[Diagnosis]:
    for unread in errors:
        yield Diagnosis("agents", Verdict.WARNING, unread.message, unread.hint)
    well = [r.environment for r in reports if r.health is Health.OK]
    ill = [r for r in reports if r.health not in (Health.OK, Health.MISSING)]
    for report in ill:
        verdict = Verdict.WARNING if report.health is Health.SUSPENDED else Verdict.FAILED
        detail = f"{report.health}: {report.status.error or _WHILE[report.health]}"
        hint = f"gitops agent status {report.environment}"
        yield Diagnosis(f"agent of {report.environment}", verdict, detail, hint)
    if well or not (ill or errors):
        yield Diagnosis("agents", Verdict.OK, _named(well))


def _named(names: Sequence[EnvironmentName]) -> str:
    return f"well: {', '.join(names)}" if names else "none is running"
