"""`gitops agent status`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.agent.model.outcome import AgentReport, AgentReports
from gitops_cli.agent.model.status import Health
from gitops_cli.agent.reports import read_reports
from gitops_cli.agent.view import status_view
from gitops_cli.cli.clusters import clusters_of, environments_named, report_problems
from gitops_cli.cli.command import command
from gitops_cli.cli.options import (
    Context,
    Environments,
    EnvToo,
    Kubeconfig,
    Limit,
    Project,
    duration,
)
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, GitOpsError, worst


@command
def status(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    stale_after: Annotated[
        float | None,
        typer.Option(
            "--stale-after",
            parser=duration,
            metavar="DURATION",
            help="Age of the last run that is too old; default: three missed runs.",
        ),
    ] = None,
    notify: Annotated[
        bool,
        typer.Option(
            "--notify",
            help="Tell [notify.NAME] of stale agents, of each once: for a scheduled job.",
        ),
    ] = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show when each agent last ran, what it follows and why it fails.

    Exit code 1 when one is stale, failing, suspended or not installed; its last log lines follow.

    Examples:
    gitops agent status
    gitops agent status prod --stale-after 10m -o json
    gitops agent status --notify  # in a job that runs every few minutes
    """
    session.limits.begin(timeout)
    snapshot = session.look().snapshot
    team = snapshot.team
    words = [*(environments or ()), *(env or ())]
    names = environments_named(session, words, snapshot, project=project, only_read=True)
    places, errors = clusters_of(session, context, kubeconfig, warm=False).place(names, team)
    problems = list(errors.values())
    found: list[AgentReport] = []
    for cluster, there in places:
        try:
            now = cluster.about().time or session.now()
            read, unread = read_reports(cluster.objects(), there, now=now, limit=stale_after)
        except GitOpsError as error:  # the agents of other clusters can be told of
            read, unread = [], [error]
        found += read
        problems += unread
    found.sort(key=lambda report: names.index(report.environment))
    reports = AgentReports(max((r.at for r in found), default=session.now()), tuple(found))
    if notify:
        from gitops_cli.agent.cli.stale import tell_stale  # a scheduled job only

        tell_stale(session, reports, snapshot.team)
    session.show(status_view(reports))
    report_problems(session, problems, ())
    missing = [r.environment for r in reports.agents if r.health is Health.MISSING]
    if missing:
        session.output.note(f"install one: gitops agent install {' '.join(missing)}")
    session.finish(ExitCode.OK if reports.all_well else ExitCode.NO)
    session.finish(worst(problem.exit_code for problem in problems))
