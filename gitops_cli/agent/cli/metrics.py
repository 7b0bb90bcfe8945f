"""`gitops metrics`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.agent.measuring import measure
from gitops_cli.agent.view import metrics_view
from gitops_cli.cli.clusters import clusters_of, environments_named, report_problems
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, Environments, EnvToo, Kubeconfig, Project, Timeout
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import worst
from gitops_cli.operations.desired import desired_state


@command
def metrics(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    textfile: Annotated[
        Path | None,
        typer.Option(
            "--textfile",
            metavar="FILE",
            help="Write them there, whole or not at all, for node_exporter's textfile collector.",
            show_default=False,
        ),
    ] = None,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Print Prometheus metrics of environments: last success, lag behind git, drift.

    Once, from the repository, the agents' status and the clusters; what cannot be read is left
    out, and is the exit code. `gitops agent run --interval 1m --metrics 9464` serves an agent's.

    Examples:
    gitops metrics
    gitops metrics --textfile /var/lib/node_exporter/gitops.prom
    """
    from gitops_cli.agent.metrics import FigureSource, text_of, write_textfile  # 40 ms

    session.limits.begin(timeout)
    clusters = clusters_of(session, context, kubeconfig)
    desired = desired_state(session.state)
    snapshot = desired.snapshot
    words = [*(environments or ()), *(env or ())]
    names = environments_named(session, words, snapshot, project=project, only_read=True)
    figures, problems = measure(desired, names, clusters, session.state, now=session.now())
    source = FigureSource(lambda: (figures, None), now=session.now)
    if textfile is not None:
        write_textfile(source, textfile)
        session.output.say(f"wrote {textfile}")
    else:
        session.show(metrics_view(figures, text_of(source), session.now()))
    report_problems(session, problems, ())
    session.finish(worst(problem.exit_code for problem in problems))
