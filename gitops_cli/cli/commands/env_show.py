"""`gitops env show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.options import Context, EnvToo, Kubeconfig, Limit, Project
from gitops_cli.cli.resolve import environment_named, one_word
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.env_show import FollowedBy, show_environment
from gitops_cli.render.env_show import show_view

_PATIENCE = 5.0  # seconds for a cluster that may be out of reach: the rest is known without it


@command
def show(
    session: Session,
    environments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENV",
            help="Environment or stage.",
            show_default=False,
            autocompletion=complete_environment,
        ),
    ] = None,
    env: EnvToo = None,
    project: Project = None,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what one environment is: services, rules, locks, cluster, agent, last change.

    Only whether an agent follows it is asked of its cluster; --offline does without that.

    Examples:
    gitops env show prod
    gitops env show shop-production -o json
    """
    session.limits.begin(timeout)
    word = one_word(environments, env)
    tip = session.state.tip(require_remote=False)
    if tip.note:
        session.output.note(tip.note)
    snapshot = session.state.snapshot(tip.commit)
    name = environment_named(session, word, snapshot, project=project, flag="ENV")
    shown = show_environment(
        snapshot,
        name,
        _follower(session, name, snapshot.team, context, kubeconfig),
        state=session.state,
        now=session.now(),
    )
    session.show(show_view(shown))


def _follower(
    session: Session,
    environment: EnvironmentName,
    team: TeamSettings,
    context: str | None,
    kubeconfig: Path | None,
) -> FollowedBy:
    """Return whether an agent follows it, or why nobody can tell."""
    if session.options.offline:
        return FollowedBy(None, "--offline")
    from gitops_cli.cli.annex import agent_hooks  # with what asks a cluster
    from gitops_cli.cli.clusters import clusters_of

    session.limits.begin(session.limits.left(_PATIENCE))
    try:
        cluster = clusters_of(session, context, kubeconfig, warm=False).of(environment, team)
        return FollowedBy(agent_hooks().follows(cluster, environment))
    except GitOpsError as error:
        return FollowedBy(None, error.message)
