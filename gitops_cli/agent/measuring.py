"""Figures of environments, once: from the repository, what agents said, and the clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from gitops_cli.agent.model.figures import AgentFigures, figures_of
from gitops_cli.agent.model.status import AgentStatus
from gitops_cli.agent.reports import read_status
from gitops_cli.domain.cluster.comparison import Comparison, State
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.diff import diff
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ASKED_AT_ONCE, attempt_all

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

_FARTHEST = 10_000  # commits back to the one that an agent follows
_DRIFTED = frozenset({State.DIFFERS, State.MISSING, State.UNCLEAR})


def measure(
    desired: Desired,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    state: StateRepository,
    *,
    now: datetime,
) -> tuple[list[AgentFigures], list[GitOpsError]]:
    """Return what is known of each environment, and why something of it is not."""
    places, errors = clusters.place(names, desired.snapshot.team)
    problems = list(errors.values())
    found = {name: AgentFigures(name) for name in names}
    next_after = _next_after(state, desired.ours.commit or "")
    for cluster, there in places:
        for one in _read(cluster.objects(), there):
            if isinstance(one, GitOpsError):
                problems.append(one)
                continue
            is_behind = one.commit is not None and one.commit != desired.ours.commit
            since = next_after(one.commit) if one.commit and is_behind else None
            found[one.environment] = figures_of(one, behind_since=since, known=True)
    for compared in diff(desired, names, clusters, now=now).environments:
        problems += compared.problems
        name = compared.environment
        found[name] = found[name]._replace(drift=_drift(compared))
    return list(found.values()), problems


def _read(
    objects: Objects, environments: Sequence[EnvironmentName]
) -> list[AgentStatus | GitOpsError]:
    """Return what each agent said, or why that cannot be read."""

    def read(name: EnvironmentName) -> AgentStatus:
        status, written = read_status(objects, name)
        # The time of writing is the server's; the agent's own clock may be wrong.
        return status._replace(last_attempt=written or status.last_attempt)

    return attempt_all(read, environments, at_once=ASKED_AT_ONCE)


def _drift(comparison: Comparison) -> int | None:
    if comparison.problems and not comparison.rows:
        return None
    return len({row.service for row in comparison.rows if row.state in _DRIFTED})


def _next_after(state: StateRepository, tip: str) -> Callable[[str], datetime | None]:
    """Return what tells when git went ahead of a commit: the time of the one that came next.

    Of a commit that is not on the way, as after a history was rewritten, it is that of the tip.
    """

    @cache
    def told(commit: str) -> datetime | None:
        following = tip
        try:
            for one in islice(state.past.branch_commits(tip), _FARTHEST):
                if one == commit:
                    return state.commit(following).committed_at
                following = one
        except GitOpsError:  # a history that cannot be fetched now
            pass
        return state.commit(tip).committed_at

    return told
