"""`gitops agent status`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.diff import Environments
from gitops_cli.cli.look import environments_named
from gitops_cli.cli.options import Context, Kubeconfig, Project, duration
from gitops_cli.cli.session import Session
from gitops_cli.domain.agent.status import Health
from gitops_cli.domain.errors import ExitCode
from gitops_cli.operations.agent_status import read_reports
from gitops_cli.render.agent import status_view
from gitops_cli.settings import parse_team


@command
def status(
    session: Session,
    environments: Environments = None,
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
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show when each agent last ran, what it follows and why it fails.

    Exit code 1 when one is stale, failing, suspended or not installed; its last log lines follow.
    """
    tip = session.state.tip(require_remote=False)
    snapshot = session.state.snapshot(tip.commit)
    names = environments_named(
        session, environments or [], snapshot, parse_team(snapshot.settings), project=project
    )
    reports = read_reports(
        session.objects(context, kubeconfig),
        names,
        now=session.cluster(context, kubeconfig).about().time or session.now(),
        limit=stale_after,
    )
    session.show(status_view(reports))
    missing = [r.environment for r in reports.agents if r.health is Health.MISSING]
    if missing:
        session.output.note(f"install one: gitops agent install {' '.join(missing)}")
    session.finish(ExitCode.OK if reports.all_well else ExitCode.NO)
