"""`gitops restore`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.annex import LostAgents, agent_hooks
from gitops_cli.cli.applying import apply_and_wait
from gitops_cli.cli.clusters import (
    clusters_of,
    environments_named,
    progress,
    report_sync_problems,
)
from gitops_cli.cli.command import command
from gitops_cli.cli.options import (
    At,
    Context,
    Environments,
    EnvToo,
    Kubeconfig,
    Limit,
    Project,
    Rev,
    Yes,
)
from gitops_cli.cli.prompts import confirm, may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, GitOpsError, UsageError
from gitops_cli.domain.manifests.moving import moved, still_naming
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.text import plural
from gitops_cli.operations.desired import Desired, desired_state
from gitops_cli.operations.manifests import opened_manifests, rendered_manifests
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.restore import (
    Lack,
    lacks,
    make_namespaces,
    rehearsed,
    without_key,
)
from gitops_cli.operations.sync import Manifested, plan_sync
from gitops_cli.operations.waiting import SECONDS
from gitops_cli.render.restore import check_view, restore_view
from gitops_cli.render.sync import summary_line


@command
def restore(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All environments, without asking.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Say what would be missing, before anything is lost: no cluster is asked.",
        ),
    ] = False,
    to_namespace: Annotated[
        str | None,
        typer.Option(
            "--to-namespace",
            metavar="NAME",
            help="Rehearse: bring one environment up in another namespace.",
            show_default=False,
        ),
    ] = None,
    rev: Rev = None,
    at: At = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until all of it is rolled out.")
    ] = True,
    agent: Annotated[
        bool,
        typer.Option("--agent", help="Also install their agents, as `gitops agent install` does."),
    ] = False,
    agent_image: Annotated[
        str | None,
        typer.Option(
            "--agent-image",
            metavar="IMAGE",
            help="The agents' image; without it a stock one is seeded.",
            show_default=False,
        ),
    ] = None,
    agent_repo: Annotated[
        str | None,
        typer.Option(
            "--agent-repo",
            metavar="URL",
            help="The state repository as the cluster reaches it.",
            show_default=False,
        ),
    ] = None,
    agent_key: Annotated[
        Path | None,
        typer.Option(
            "--agent-key",
            metavar="FILE",
            help="Their private deploy key; else each gets a new one, to be registered.",
            show_default=False,
        ),
    ] = None,
    known_hosts: Annotated[
        Path | None,
        typer.Option(
            "--known-hosts",
            metavar="FILE",
            help="Host keys of the git server, for the agents.",
            show_default=False,
        ),
    ] = None,
    timeout: Limit = None,
    yes: Yes = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Bring environments back from the repository alone.

    Makes the namespaces that are gone, applies the manifests with the recorded versions, and waits
    until they run; with --agent, brings their agents back, too. What cannot come back is told with
    its reason. Deploy keys of agents are in no repository: a new one is made, or --agent-key given.

    Examples:
    gitops restore --check  # what would be missing
    gitops restore shop-production --context new-cluster
    gitops restore shop-production --to-namespace rehearsal --context test
    gitops restore --all --agent --at 2026-03-01T12:00
    """
    lost = LostAgents(agent_image, agent_repo, agent_key, known_hosts)
    _check_agent(lost, agent=agent, rehearses=to_namespace is not None)
    words = [*(environments or ()), *(env or ())]
    if not words and not (everything or yes or check or may_ask()):
        raise UsageError(
            "restore which environments?", hint="name them, or pass --all for all of them"
        )
    session.limits.begin(timeout)
    desired = desired_state(session.state, rev=rev, at=at)
    if desired.note:
        session.output.note(desired.note)
    snapshot = desired.snapshot
    names = environments_named(session, words, snapshot, project=project)
    rendered = rendered_manifests(session.state, snapshot, names)
    if check:
        missing = lacks(snapshot, names, rendered, lambda: session.registries)
        missing += without_key(rendered)
        session.show(check_view(names, missing))
        session.finish(ExitCode.NO if missing else ExitCode.OK)
        return
    missing = lacks(snapshot, names, rendered, None)
    if to_namespace is not None:
        source = "".join(names[:1])
        known = session.look().snapshot.environments if rev or at else {}
        desired, names, rendered = _rehearsal(desired, names, rendered, to_namespace, known)
        _warn_of_names(session, rendered.values(), source)
    clusters = clusters_of(session, context, kubeconfig, acts=True)
    for lack in missing:
        session.output.warn(f"{lack.where}: {lack.what}")
    if not words and not (everything or yes):
        confirm(f"Restore {plural(len(names), 'environment')}?", flag="--all")
    recorded = to_namespace is None
    _restore(session, desired, names, rendered, clusters, missing, wait=wait, recorded=recorded)
    if agent:
        agent_hooks().bring_back(session, desired.snapshot, names, clusters, lost)


def _check_agent(lost: LostAgents, *, agent: bool, rehearses: bool) -> None:
    """Raise UsageError for words about agents that do not go together."""
    if lost != LostAgents() and not agent:
        raise UsageError("--agent-… say how agents are installed", hint="add --agent")
    if agent and rehearses:
        raise UsageError("--agent does not go with --to-namespace: a rehearsal follows nobody")


def _warn_of_names(
    session: Session, rendered: Iterable[Rendered | GitOpsError], source: str
) -> None:
    for one in rendered:
        for where in still_naming(one, source) if isinstance(one, Rendered) else ():
            session.output.warn(f"{where} names {source} still, and would reach it")


def _rehearsal(
    desired: Desired,
    names: Sequence[EnvironmentName],
    rendered: dict[EnvironmentName, Rendered | GitOpsError],
    namespace: str,
    known: Collection[EnvironmentName],
) -> tuple[Desired, list[EnvironmentName], dict[EnvironmentName, Rendered | GitOpsError]]:
    """Return the one environment that is meant as one of another name."""
    if len(names) != 1:
        raise UsageError("--to-namespace takes one environment", hint="name it")
    target = parse_environment(namespace)
    found = rendered.get(names[0])
    there = found
    if isinstance(found, Rendered):
        there = moved(opened_manifests(found).rendered, target)
    again = rehearsed(desired, names[0], target, known)
    return again, [target], {} if there is None else {target: there}


def _restore(
    session: Session,
    desired: Desired,
    names: Sequence[EnvironmentName],
    rendered: dict[EnvironmentName, Rendered | GitOpsError],
    clusters: Clusters,
    missing: Sequence[Lack],
    *,
    wait: bool,
    recorded: bool,
) -> None:
    placed, _ = clusters.place(names, desired.snapshot.team)
    with progress(session) as say:
        refused = [e for group in placed for e in make_namespaces(*group)]
        plan = plan_sync(
            desired,
            names,
            clusters,
            session.state,
            now=session.now(),
            actor=lambda: session.person,
            manifests=Manifested(rendered, keep=True),
        )
        report = apply_and_wait(session, plan, say, lambda: session.limits.left(SECONDS), wait=wait)
    session.report(restore_view(report, missing, recorded=recorded))
    for error in refused:
        session.output.warn(error.message)
    report_sync_problems(session, report)
    session.output.say(summary_line(report))
    session.finish(report.exit_code)
