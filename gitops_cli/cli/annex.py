"""The agent's hooks in commands of the main house.

The agent stands above these commands, so they cannot import it: it is asked for by name, as
`app.py` asks for a command, and only where it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitops_cli.cli.session import Session
    from gitops_cli.domain.names import EnvironmentName
    from gitops_cli.domain.recorded.environment import Snapshot
    from gitops_cli.operations.doctor import Diagnosis
    from gitops_cli.operations.placement import Clusters, Placed
    from gitops_cli.operations.ports import Cluster


class LostAgents(NamedTuple):
    """What `restore` says of agents: their image (None: a stock one is seeded), and how they reach
    the repository.
    """

    image: str | None = None
    repo: str | None = None
    key: Path | None = None
    known_hosts: Path | None = None


class AgentHooks(NamedTuple):
    """What the agent adds: `diff --as-agent` sees with its rights, `doctor` judges it, `--wait`
    asks whether it follows an environment, and `restore` brings it back.
    """

    clusters: Callable[[Session, str | None, Path | None, Sequence[str]], Clusters]
    checks: Callable[[Session], Callable[[Placed], Iterator[Diagnosis]]]
    follows: Callable[[Cluster, EnvironmentName], bool]
    bring_back: Callable[[Session, Snapshot, Sequence[EnvironmentName], Clusters, LostAgents], None]


def agent_hooks() -> AgentHooks:
    hooks: AgentHooks = importlib.import_module("gitops_cli.agent.cli.hooks").HOOKS
    return hooks
