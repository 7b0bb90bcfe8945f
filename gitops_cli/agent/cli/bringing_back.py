"""Agents that came with what is restored: each is installed as it was, or as somebody says."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.agent.cli.install import planned_agents
from gitops_cli.agent.cli.options import (
    DEFAULT_NAMESPACE,
    RepositoryAccess,
    WantedAgent,
)
from gitops_cli.agent.installing import (
    apply_plan,
    find_leftover,
)
from gitops_cli.agent.model.outcome import ObjectStep
from gitops_cli.agent.model.spec import AgentMode
from gitops_cli.agent.view import plan_line
from gitops_cli.cli.annex import LostAgents
from gitops_cli.cli.clusters import placed
from gitops_cli.cli.session import Session
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Objects


def bring_agents_back(
    session: Session,
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    lost: LostAgents,
) -> None:
    """Install the agents of environments whose namespaces are new, and tell what was done.

    Where a controller still names one, it gets its rights back. Else each gets its own agent, of
    the image that is said, or seeded. Raises what `install` raises.
    """
    for cluster, there in placed(clusters, names, snapshot.team):
        said = _lost(lost, cluster.objects(), there)
        access = RepositoryAccess(lost.key, lost.known_hosts)
        plans = planned_agents(session, said, snapshot, there, clusters, access, anew=True)
        for each in plans:
            apply_plan(each.cluster.objects(), each.objects)
            for planned in each.objects:
                if planned.step is not ObjectStep.KEEP:
                    session.output.say(f"agent: {plan_line(planned)}")


def _lost(
    lost: LostAgents, objects: Objects, environments: Sequence[EnvironmentName]
) -> WantedAgent:
    """Return what is to be installed where agents were lost."""
    found = [find_leftover(objects, name) for name in environments]
    homes = {one.namespace for one in found if one is not None and one.is_controller}
    mode, home = AgentMode.CRONJOB, DEFAULT_NAMESPACE
    if homes:
        mode, home = AgentMode.CONTROLLER, min(homes)
    seeded = lost.image is None and not homes
    return WantedAgent(
        mode=mode,
        image=lost.image,
        seeded=seeded,
        seed_index=None,
        seed_apt=None,
        seed_packages=(),
        branch=None,
        interval=None,
        restrict=False,
        without=(),
        again=(),
        allowed_signers=None,
        gpg_keyring=None,
        unsigned=False,
        namespace=home,
        pull_secrets=(),
        agent_repo=lost.repo,
    )
