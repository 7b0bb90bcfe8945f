"""Deployments whose pods an Argo Rollout runs (workloadRef): scaled to 0, and in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitops_cli.domain.cluster.comparison import Comparison, Row, State
from gitops_cli.domain.cluster.pods import running_images
from gitops_cli.domain.cluster.rollout import Phase, judge
from gitops_cli.domain.cluster.workload import Container, Observed, Target, Workload
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.ports import Cluster


def with_rollouts(
    compared: Mapping[EnvironmentName, Comparison],
    observed: Mapping[EnvironmentName, Observed],
    cluster: Cluster,
    now: datetime,
) -> dict[EnvironmentName, Comparison]:
    """Say of each Deployment without pods whether a Rollout has them, and how that one stands.

    Namespaces are asked for Rollouts, all at once, only where a Deployment is scaled to 0; their
    pods are those that were observed.
    """
    asleep = [name for name, c in compared.items() if any(map(_is_scaled_to_nothing, c.rows))]
    targets = [Target(name, frozenset({Kind.ROLLOUT}), pods=False) for name in asleep]
    looked = cluster.observe(targets) if targets else {}
    seen = {name: replace(found, pods=observed[name].pods) for name, found in looked.items()}
    return {
        name: _with_rollouts(comparison, seen[name], now) if name in seen else comparison
        for name, comparison in compared.items()
    }


def _with_rollouts(comparison: Comparison, observed: Observed, now: datetime) -> Comparison:
    rollouts = {w.pods_from: w for w in observed.workloads if w.pods_from is not None}
    rows = tuple(
        _told(row, rollouts.get(f"{row.kind} {row.workload_name}"), observed, now)
        if _is_scaled_to_nothing(row)
        else row
        for row in comparison.rows
    )
    return comparison._replace(rows=rows)


def _is_scaled_to_nothing(row: Row) -> bool:
    quiet = row.state in (State.IN_SYNC, State.DIGEST) and row.kind is Kind.DEPLOYMENT
    return quiet and row.sleeps


def _told(row: Row, rollout: Workload | None, observed: Observed, now: datetime) -> Row:
    if rollout is None or row.container is None:
        return row
    found = judge(rollout, observed.pods_of(rollout), now=now)
    running = running_images(Container(row.container, "", ""), rollout, observed)
    who = f"its pods are those of Rollout {rollout.name}"
    if found.phase is Phase.COMPLETE:
        return row._replace(reason=who, running=running, rollout=found)
    failed = found.phase is Phase.FAILED
    reason = f"{who}: {found.trouble.text if found.trouble else found.message}"
    state = State.FAILED if failed or found.trouble else State.ROLLING
    return row._replace(state=state, reason=reason, running=running, rollout=found)
