"""What the agent adds to commands of the main house."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.agent.cli.as_agent import agent_clusters
from gitops_cli.agent.cli.checks import agent_checks, is_followed
from gitops_cli.cli.annex import AgentHooks, LostAgents
from gitops_cli.cli.session import Session
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.placement import Clusters


def _bring_back(
    session: Session,
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    lost: LostAgents,
) -> None:
    from gitops_cli.agent.cli.bringing_back import bring_agents_back  # with keys and all: for few

    bring_agents_back(session, snapshot, names, clusters, lost)


HOOKS = AgentHooks(agent_clusters, agent_checks, is_followed, _bring_back)
