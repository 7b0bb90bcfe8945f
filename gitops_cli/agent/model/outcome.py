"""What came of installing, running and asking agents."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.agent.model.manifests import Manifest
from gitops_cli.agent.model.status import AgentStatus, Health
from gitops_cli.domain.errors import (
    ExitCode,
    worst,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.ssh import HostKey


class ObjectStep(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    DELETE = "delete"


class AgentReport(NamedTuple):
    """One environment's agent, at a moment of its API server's clock. `log` is there where it is
    not well, and may be read.
    """

    at: datetime
    environment: EnvironmentName
    health: Health
    status: AgentStatus
    mode: str | None = None
    namespace: str | None = None
    log: tuple[str, ...] = ()


class AgentReports(NamedTuple):
    """All of them, of one or several clusters; `at` is the last moment of their clocks."""

    at: datetime
    agents: tuple[AgentReport, ...]

    @property
    def all_well(self) -> bool:
        """Tell whether no agent is stale, failing or missing."""
        return all(agent.health is Health.OK for agent in self.agents)


class Visit(NamedTuple):
    """What one round did in one environment; `exit_code` is what a one-shot run ends with.

    `mended`: so many services that had followed the commit already were set back to it; `drift`:
    so many still are not what is recorded, None where nobody could look. `is_news`: the run before
    did not say the same; `mended_before`: it changed something, too.
    """

    status: AgentStatus
    exit_code: ExitCode
    mended: int = 0
    drift: int | None = None
    is_news: bool = False
    mended_before: bool = False


class Round(NamedTuple):
    """One round over all environments; `tip` is None where the remote did not answer.

    `committed_at` is the time of the tip, where that was followed. `team` is what gitops.toml says
    by then, None where nobody has seen it yet.
    """

    tip: str | None
    visits: tuple[Visit, ...]
    committed_at: datetime | None = None
    team: TeamSettings | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Return the code that speaks for all environments."""
        return worst(visit.exit_code for visit in self.visits)


class KeyResult(NamedTuple):
    """What became of a key. `public` is what the git server must know; `retired` what it no
    longer needs to.
    """

    namespace: str
    public: str
    step: str
    hosts: tuple[HostKey, ...] = ()
    retired: str | None = None


class PlannedObject(NamedTuple):
    """One object and what will be done with it.

    `changes` says in words what of it becomes different, as far as there are words for it.
    `cluster` is the context, None inside a pod.
    """

    manifest: Manifest
    step: ObjectStep
    changes: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def kind(self) -> str:
        """Return the object's kind."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Return the object's name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """Return the object's namespace; None for one of the whole cluster."""
        namespace: str | None = self.manifest["metadata"].get("namespace")
        return namespace
