"""`gitops wait`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.clusters import (
    clusters_of,
    meant,
    notice_sync,
    progress,
    report_sync_problems,
    rows_heard,
)
from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_commit, complete_environment
from gitops_cli.cli.options import (
    Confirm,
    Context,
    EnvToo,
    Exclude,
    Kubeconfig,
    Only,
    Project,
    Timeout,
)
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import UsageError
from gitops_cli.operations.desired import desired_state
from gitops_cli.operations.wait import wait_for_state
from gitops_cli.operations.waiting import SECONDS
from gitops_cli.render.wait import wait_view


@command
def wait(
    session: Session,
    environments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENV…",
            help="Environments or stages.",
            show_default=False,
            autocompletion=complete_environment,
        ),
    ] = None,
    env: EnvToo = None,
    commit: Annotated[
        str | None,
        typer.Option(
            "--commit",
            metavar="REV",
            help="State commit to be reached; default: the remote's tip.",
            autocompletion=complete_commit,
            show_default=False,
        ),
    ] = None,
    project: Project = None,
    only: Only = None,
    exclude: Exclude = None,
    gone: Annotated[
        bool, typer.Option("--gone", help="Wait until the old pods are gone, too.")
    ] = False,
    rollback_on_failure: Annotated[
        bool,
        typer.Option(
            "--rollback-on-failure",
            help="If a rollout fails, take it back, as `gitops rollback` does.",
        ),
    ] = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Return when the cluster has reached a state commit or a later one.

    An agent, or somebody else's sync, does the work. Exit code 7: a rollout failed; 8: not in
    time.

    Examples:
    gitops wait prod --timeout 10m
    gitops wait prod --commit 8f14e45
    """
    words = [*(environments or ()), *(env or ())]
    if not words:
        raise UsageError("wait for which environments?", hint="name them, or stages")
    session.limits.begin(timeout)
    clusters = clusters_of(session, context, kubeconfig)
    desired = desired_state(session.state, rev=commit)
    names, selection = meant(session, desired, words, project=project, only=only, exclude=exclude)
    go_back = None
    if rollback_on_failure:
        from gitops_cli.cli.taking_back import going_back  # most waits need not load it

        go_back = going_back(session, names, desired.snapshot, confirm, timeout=timeout)
    chosen = {}
    for name in names:
        environment = desired.snapshot.environment(name)
        services = selection.services(environment)
        chosen[name] = frozenset(environment.files) if services is None else services
    with progress(session) as say:
        report = wait_for_state(
            desired,
            names,
            clusters,
            session.state,
            now=session.now,
            timeout=session.limits.left(SECONDS),
            services=chosen,
            heard=rows_heard(session, say),
            gone=gone,
        )
    notice_sync(session, report, desired.snapshot.team)
    session.show(wait_view(report))
    report_sync_problems(session, report)
    session.finish(report.exit_code)
    if go_back is not None:
        go_back(report)
