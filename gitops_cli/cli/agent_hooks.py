"""What the agent adds to commands of the main house."""

from __future__ import annotations

from gitops_cli.cli.agent_checks import agent_checks
from gitops_cli.cli.annex import AgentHooks
from gitops_cli.cli.as_agent import agent_clusters

HOOKS = AgentHooks(agent_clusters, agent_checks)
