"""Look at an environment with its agent's own rights: `gitops diff --as-agent`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.agent.installing import find_installed
from gitops_cli.agent.model.setup import setup_of
from gitops_cli.agent.model.spec import NAME
from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.resolve import environment_named
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.text import plural
from gitops_cli.operations.placement import Clusters

if TYPE_CHECKING:
    from gitops_cli.agent.installing import Installed
    from gitops_cli.domain.names import EnvironmentName
    from gitops_cli.domain.recorded.environment import Snapshot

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
    _say_steps(session, snapshot, name, installed)
    token = objects.token(installed.namespace, NAME, seconds=_TOKEN_SECONDS)

    return Clusters(
        lambda name, declared: session.cluster(name, kubeconfig, declared=declared, token=token),
        said=context,
        usual=session.user.context,
        checked=True,
    )


def _say_steps(
    session: Session, snapshot: Snapshot, name: EnvironmentName, installed: Installed
) -> None:
    """Say what the agent does about an environment's steps."""
    from gitops_cli.domain.steps.content import declared_steps, digest_of, paths_of

    steps = declared_steps(snapshot, name)
    if not steps or snapshot.commit is None:
        return
    pinned = setup_of(installed.workload).steps.get(name) if installed.workload else None
    renew = f"gitops agent install {name} --steps"
    if pinned is None:
        session.output.note(f"its agent runs none of its {plural(len(steps), 'step')} ({renew})")
        return
    content = session.state.tracked_files(snapshot.commit, paths_of(steps))
    if digest_of(steps, content) == pinned:
        session.output.note(f"its agent runs its {plural(len(steps), 'step')} as they are now")
    else:
        session.output.warn(
            f"its agent refuses {name}: its steps changed since it was installed to run them; "
            f"look at them, then `gitops trust` and `{renew}`"
        )
