"""Compare environments with their live clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from gitops_cli.domain.cluster.advice import make_namespace
from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State, compare, target_of
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import Observed, Presence
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.argo import with_rollouts
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.placement import Clusters, Placed
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.taken_back import with_takers

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered

MOST_EXPLAINED = 20  # troubles whose logs are read; the rest are known by their reason


def diff(
    desired: Desired,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    *,
    now: datetime,
    selection: Selection | None = None,
    rendered: Mapping[EnvironmentName, Rendered | GitOpsError] = MappingProxyType({}),
) -> Diff:
    """Compare each environment; what cannot be told of one does not hide the others.

    `rendered` has the objects of those whose manifests are to be compared, too.
    """
    team = desired.snapshot.team
    placed, errors = clusters.place(names, team)
    found: dict[EnvironmentName, Comparison] = {
        name: Comparison(name, (), problems=(error,)) for name, error in errors.items()
    }
    contexts: dict[EnvironmentName, str | None] = {}
    for group in placed:
        chosen = selection or Selection()
        compared = _compare_group(desired, group, now, chosen)
        if not rendered.keys().isdisjoint(group.environments):
            from gitops_cli.operations.objects_diff import with_objects

            compared = with_objects(compared, group, rendered, desired, chosen)
        found |= compared
        contexts |= dict.fromkeys(group.environments, group.cluster.context)
    return Diff(desired.ours.commit, tuple(found[name] for name in names), contexts)


def _compare_group(
    desired: Desired, group: Placed, now: datetime, selection: Selection
) -> dict[EnvironmentName, Comparison]:
    environments = [desired.snapshot.environment(name) for name in group.environments]
    targets = [target_of(e, pods=True, rules=desired.snapshot.team.services) for e in environments]
    observed = group.cluster.observe(targets)
    compared = {
        e.name: restricted(
            compared_with(e, observed[e.name], desired.snapshot.team, now=now),
            selection.services(e),
        )
        for e in environments
    }
    compared = with_rollouts(compared, observed, group.cluster, now)
    compared = explained(compared, group.cluster)
    commit = desired.ours.commit
    compared = {name: with_takers(c, commit, group.cluster) for name, c in compared.items()}
    return {name: with_namespace(c, observed[name], group.cluster) for name, c in compared.items()}


def compared_with(
    environment: Environment, observed: Observed, team: TeamSettings, *, now: datetime
) -> Comparison:
    """Compare one environment, with what gitops.toml says of its services."""
    return compare(environment, observed, now=now, rules=team.services)


def restricted(comparison: Comparison, services: frozenset[ServiceName] | None) -> Comparison:
    """Return the comparison of these services only; None: all, and what has no file."""
    if services is None:
        return comparison
    rows = tuple(
        row
        for row in comparison.rows
        if row.service in services and row.state is not State.UNTRACKED
    )
    return comparison._replace(rows=rows)


def explained(
    compared: dict[EnvironmentName, Comparison], cluster: Cluster
) -> dict[EnvironmentName, Comparison]:
    """Add log lines and events to the troubles of rows."""
    troubles = [
        (row.environment, question)
        for comparison in compared.values()
        for row in comparison.rows
        if (question := row.question) is not None
    ]
    asked = list(dict.fromkeys(troubles))[:MOST_EXPLAINED]
    answers = dict(zip(asked, cluster.explain(asked), strict=True)) if asked else {}
    return {
        name: c._replace(rows=tuple(_explained(row, answers) for row in c.rows))
        for name, c in compared.items()
    }


def _explained(row: Row, answers: dict[tuple[EnvironmentName, Trouble], Trouble]) -> Row:
    if (question := row.question) is None:
        return row
    answer = answers.get((row.environment, question))
    return row if answer is None else row.with_answer(answer)


def with_namespace(comparison: Comparison, observed: Observed, cluster: Cluster) -> Comparison:
    """Say that a namespace does not exist, or is going, where something is missing in it."""
    missing = any(row.state is State.MISSING for row in comparison.rows)
    if observed.errors or not missing:
        return comparison
    try:
        presence = cluster.presence(comparison.environment)
    except GitOpsError as error:
        return comparison._replace(problems=(*comparison.problems, error))
    where = f"context {cluster.context}" if cluster.context else cluster.server
    name = comparison.environment
    match presence:
        case Presence.ABSENT:
            make = make_namespace(name, cluster.context)
            note = f"namespace {name} does not exist ({where}); to make it: {make}"
        case Presence.ENDING:
            note = f"namespace {name} is being deleted ({where}): nothing can be made in it"
        case _:
            return comparison
    return comparison._replace(notes=(*comparison.notes, note))
