"""Look at an environment with its agent's own rights: `gitops diff --as-agent`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitops_cli.agent.installing import find_installed
from gitops_cli.agent.model.spec import NAME
from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.resolve import environment_named
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.operations.placement import Clusters

_TOKEN_SECONDS = 600  # the least that the API grants


def agent_clusters(
    session: Session, context: str | None, kubeconfig: Path | None, words: Sequence[str]
) -> Clusters:
    """Return the cluster as the agent of the one named environment sees it."""
    if len(words) != 1:
        raise UsageError("--as-agent looks at one environment", hint="name it")
    snapshot = session.look(require_remote=True).snapshot
    team = snapshot.team
    name = environment_named(session, words[0], snapshot, flag="ENV")
    objects = clusters_of(session, context, kubeconfig, warm=False).of(name, team).objects()
    installed = find_installed(objects, name)
    if installed is None:
        raise ConfigurationError(
            f"{name} has no agent", hint=f"gitops agent install {name} installs one"
        )
    token = objects.token(installed.namespace, NAME, seconds=_TOKEN_SECONDS)

    return Clusters(
        lambda name, declared: session.cluster(name, kubeconfig, declared=declared, token=token),
        said=context,
        usual=session.user.context,
        checked=True,
    )
