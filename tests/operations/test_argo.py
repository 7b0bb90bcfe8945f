"""Deployments whose pods a Rollout has, of several namespaces of one cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from gitops_cli.domain.cluster.comparison import Comparison, Row, State, compare
from gitops_cli.domain.cluster.workload import (
    Counts,
    Ended,
    Observed,
    Pod,
    PodContainer,
    Stated,
    Target,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.argo import with_rollouts
from gitops_cli.operations.ports import Cluster
from tests.domain.test_comparison import NEW, NOW, SPACE, environment, workload

ELSEWHERE = EnvironmentName("shop-staging")


class Argo:
    """A cluster with a healthy Rollout of each Deployment `web`; `asked` has what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[Target]] = []

    def observe(self, targets: Sequence[Target]) -> dict[EnvironmentName, Observed]:
        self.asked.append(targets)
        rollout = workload(f"r/web:{NEW}", kind=Kind.ROLLOUT)._replace(
            name=ServiceName("web-rollout"), pods_from="Deployment web", stated=Stated("Healthy")
        )
        return {target.namespace: Observed(target.namespace, (rollout,)) for target in targets}


def crashing() -> Pod:
    """Return a pod of the Rollout that is ready just now, ten seconds after its seventh crash."""
    container = PodContainer(
        "web",
        f"r/web:{NEW}",
        running=True,
        ready=True,
        restarts=7,
        ended_before=Ended(1, "Error", ran=20.0),
        started_at=NOW - timedelta(seconds=10),
    )
    return Pod("web-5-x", "Rollout", "web-rollout", "5", NOW, "Running", (container,))


def told(cluster: Argo, **counts: Counts) -> dict[EnvironmentName, Row]:
    """Return the row of each namespace, whose one pod is crashing."""
    observed = {
        name: Observed(name, (workload(f"r/web:{NEW}", counts=of),), (crashing(),))
        for name, of in ((EnvironmentName(n.replace("_", "-")), c) for n, c in counts.items())
    }
    compared: dict[EnvironmentName, Comparison] = {
        name: compare(environment(web_deployment=NEW), seen, now=NOW)
        for name, seen in observed.items()
    }
    found = with_rollouts(compared, observed, cast("Cluster", cluster), NOW)
    return {name: comparison.rows[0] for name, comparison in found.items()}


def test_a_rollout_between_two_crashes_is_not_in_sync() -> None:
    row = told(Argo(), shop_production=Counts())[SPACE]

    assert row.state is State.FAILED
    assert row.reason is not None
    assert row.reason.startswith("its pods are those of Rollout web-rollout: Restarting, exit code")


def test_all_namespaces_where_something_sleeps_are_asked_at_once_and_for_no_pods() -> None:
    cluster = Argo()
    told(cluster, shop_production=Counts(), shop_dev=Counts(1, 1, 1, 1, 1), shop_staging=Counts())

    [targets] = cluster.asked
    assert [target.namespace for target in targets] == [SPACE, ELSEWHERE]
    assert not any(target.pods for target in targets)


def test_nothing_is_asked_where_nothing_sleeps() -> None:
    cluster = Argo()
    told(cluster, shop_dev=Counts(1, 1, 1, 1, 1))

    assert cluster.asked == []
