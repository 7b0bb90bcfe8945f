"""What the agent adds to commands of the main house."""

from __future__ import annotations

from gitops_cli.agent.cli.as_agent import agent_clusters
from gitops_cli.agent.cli.checks import agent_checks, is_followed
from gitops_cli.cli.annex import AgentHooks

HOOKS = AgentHooks(agent_clusters, agent_checks, is_followed)
