"""What is read of a cluster and said of it: rights, commands to type, writers, rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_cli.domain.cluster.advice import commands, make_namespace
from gitops_cli.domain.cluster.comparison import Row, State, telling
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.rollout import Phase, Rollout
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    COMMIT,
    Condition,
    Observed,
)
from gitops_cli.domain.cluster.writers import Writer, image_writer
from gitops_cli.domain.recorded.environment import Kind
from tests.domain.cluster_values import SPACE, WEB, A, job, pod, workload

# --- commands to type


def test_without_a_pod_the_workload_is_described() -> None:
    for trouble in (None, Trouble("FailedCreate")):
        assert commands(SPACE, Kind.STATEFULSET, "web", trouble, None) == (
            "kubectl describe statefulset/web -n shop",
        )
    assert commands(SPACE, Kind.CRONJOB, "web", None, "prod") == (
        "kubectl describe cronjob/web -n shop --context prod",
    )


def test_a_pod_whose_container_never_ran_is_described() -> None:
    pod = Trouble("ImagePullBackOff", pod="web-1", container="web")
    nowhere = Trouble("Unschedulable", pod="web-1", exit_code=1)

    for trouble in (pod, nowhere):
        assert commands(SPACE, Kind.DEPLOYMENT, "web", trouble, "a b") == (
            "kubectl describe pod web-1 -n shop --context 'a b'",
        )
    assert commands(SPACE, Kind.DEPLOYMENT, "web", pod._replace(blocks=True), None) == (
        "kubectl describe pod web-1 -n shop",
        "kubectl delete pod web-1 -n shop",
    )


def test_a_container_that_ran_has_logs_and_a_shell() -> None:
    ran = Trouble("Error", pod="web-1", container="app", exit_code=1)
    shell = "kubectl debug -it web-1 -n shop --copy-to=web-1-debug -c app -- sh"

    assert commands(SPACE, Kind.DEPLOYMENT, "web", ran, None) == (
        "kubectl logs web-1 -c app -n shop",
        shell,
    )
    again = ran._replace(restarts=2, blocks=True)
    assert commands(SPACE, Kind.DEPLOYMENT, "web", again, None) == (
        "kubectl logs web-1 -c app --previous -n shop",
        shell,
        "kubectl delete pod web-1 -n shop",
    )


def test_a_namespace_is_made_where_it_is_missing() -> None:
    assert make_namespace(SPACE, None) == "kubectl create namespace shop"
    assert make_namespace(SPACE, "prod") == "kubectl create namespace shop --context prod"


# --- rights


@pytest.mark.parametrize(
    ("right", "resource", "text"),
    [
        (Right("patch", Kind.DEPLOYMENT), "deployments.apps", "patch deployments.apps"),
        (
            Right("list", Kind.CRONJOB, "shop"),
            "cronjobs.batch",
            "list cronjobs.batch in shop",
        ),
        (Right("get", "pods", "shop", subresource="log"), "pods/log", "get pods/log in shop"),
        (Right("get", "pods"), "pods", "get pods"),
    ],
)
def test_a_right_as_a_role_and_as_people_have_it(right: Right, resource: str, text: str) -> None:
    assert right.role_resource == resource
    assert str(right) == text


# --- workloads


def test_a_workload_as_values() -> None:
    ready = Condition("Available", True)
    web = workload("r/web:1", annotations={COMMIT: A}, conditions=(ready,))

    assert (web.commit, web.resource) == (A, "deployment/web")
    assert web.condition("Available") is ready
    assert web.condition("Progressing") is None
    assert workload("r/web:1").commit is None


def test_pods_belong_to_their_workload() -> None:
    web, stateful = workload("r/web:1"), workload("r/web:1", kind=Kind.STATEFULSET)
    mine = pod(owner="web-5")
    other, near = pod(owner="web-6"), pod(owner="web-x-5")
    own = pod(owner="web", owner_kind="StatefulSet")
    seen = Observed(SPACE, (web, stateful), (mine, other, near, own))

    assert seen.pods_of(web) == (mine,)
    assert seen.pods_of(stateful) == (own,)
    assert seen.workload(Kind.STATEFULSET, WEB) is stateful
    assert seen.workload(Kind.DAEMONSET, WEB) is None
    assert Observed(SPACE, (web,)).pods_of(web) is None
    cron = workload("r/web:1", kind=Kind.CRONJOB)
    ran = pod(owner="web-1", owner_kind="Job")
    jobs = (job("web-1", 1), job("web-2", 2))
    assert Observed(SPACE, (cron,), (ran, mine), jobs).pods_of(cron) == (ran,)
    assert Observed(SPACE, (cron,), (), jobs).jobs_of(cron) == jobs
    assert Observed(SPACE, (cron,), ()).jobs_of(cron) == ()


# --- who wrote an image


def fields(*containers: str) -> dict[str, Any]:
    """Return what the API server keeps of a writer of these containers' images."""
    below = {f'k:{{"name":"{name}"}}': {"f:image": {}} for name in containers}
    return {"f:spec": {"f:template": {"f:containers": {**below, 'k:{"name":"no"}': {"f:x": {}}}}}}


def test_the_last_writer_of_an_image() -> None:
    def entry(manager: str | None, time: str | None, *containers: str) -> dict[str, Any]:
        return {"manager": manager, "time": time, "fieldsV1": fields(*containers)}

    managed = [
        entry("kubectl", "2026-11-23T10:00:00Z", "web"),
        entry("gitops", "2026-11-23T11:00:00Z", "web", "sidecar"),
        entry("other", "2026-11-23T12:00:00Z", "sidecar"),
        entry("old", None, "web"),
        entry("zoneless", "2026-11-23T13:00:00", "web"),
        {"manager": "broken", "fieldsV1": ["no fields"]},
    ]
    manifest = {"metadata": {"managedFields": managed}}
    at = datetime(2026, 11, 23, 11, tzinfo=UTC)

    assert image_writer(manifest, "web") == Writer("gitops", at)
    assert image_writer(manifest, "sidecar") == Writer("other", at + timedelta(hours=1))
    assert image_writer(manifest, "no") is None
    assert image_writer({"metadata": {}}, "web") is None
    assert image_writer({"metadata": {"managedFields": [entry("", "x", "web")]}}, "web") == (
        Writer("somebody", None)
    )
    assert image_writer({"metadata": {"managedFields": [entry("a\nb", None, "w")]}}, "w") == (
        Writer("a b", None)
    )


# --- rows


def row(state: State, rollout: Rollout | None = None) -> Row:
    return Row(SPACE, WEB, Kind.DEPLOYMENT, state, rollout=rollout)


def test_a_row_is_explained_by_an_answer() -> None:
    answer = Trouble("ImagePullBackOff", "not found")
    guess = Rollout(Phase.PROGRESSING, "said", suspicion=Trouble("FailedCreate"))
    known = Rollout(Phase.PROGRESSING, "said", trouble=Trouble("ErrImagePull"))

    for rollout in (guess, known):
        found = row(State.ROLLING, rollout).with_answer(answer)
        assert (found.state, found.reason) == (State.FAILED, "ImagePullBackOff: not found")
        assert found.rollout == Rollout(Phase.PROGRESSING, "said", trouble=answer)
    bare = row(State.ROLLING)
    assert bare.with_answer(answer) is bare
    plain = row(State.ROLLING, Rollout(Phase.PROGRESSING))
    assert plain.with_answer(Trouble("x")) is plain
    assert plain.with_answer(answer).state is State.FAILED


def test_the_row_that_says_most_of_a_service() -> None:
    order = [
        *(State.UNCLEAR, State.MISSING, State.DIFFERS, State.FAILED, State.ROLLING),
        *(State.DIGEST, State.IN_SYNC, State.UNTRACKED),
    ]

    for index, state in enumerate(order):
        rows = [row(each) for each in reversed(order[index:])]
        assert telling(rows).state is state
