"""Which container somebody means who looks inside a service, from literals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.cluster.advice import Where, execution, logs, typed
from gitops_cli.domain.cluster.inside import Asked, Inside, LogPart, Spot, spot, spots
from gitops_cli.domain.cluster.rollout import Phase, Rollout, judge
from gitops_cli.domain.cluster.workload import (
    Container,
    Counts,
    Ended,
    Job,
    Pod,
    PodContainer,
    Unclear,
    Workload,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=1)
NEW, OLD = f"r/web:{'a' * 40}", f"r/web:{'b' * 40}"
TEMPLATE = (Container("web", NEW, "/0"), Container("proxy", "r/proxy:1", "/1"))
SERVING = Counts(2, 2, 2, 2, 2)
ROLLING = Counts(2, 3, 1, 2, 2)
CRASH = Ended(3, "Error", "no database", ran=1.0)


def container(name: str = "web", image: str = NEW, **more: object) -> PodContainer:
    return PodContainer(name, image, running=True, ready=True)._replace(**more)  # type: ignore[arg-type]


def pod(
    name: str, *containers: PodContainer, revision: str = "new", age: int = 0, ready: bool = True
) -> Pod:
    at = BEGIN - timedelta(seconds=age)
    owner = f"web-{revision}"
    return Pod(name, "ReplicaSet", owner, revision, at, "Running", containers, ready=ready)


def inside(
    *pods: Pod, counts: Counts = SERVING, ours: Sequence[Container] | Unclear = TEMPLATE[:1]
) -> Inside:
    workload = Workload(
        Kind.DEPLOYMENT,
        EnvironmentName("shop"),
        ServiceName("web"),
        TEMPLATE,
        counts=counts,
    )
    rollout = judge(workload, pods, now=NOW)
    return Inside(workload, pods, rollout, ours if isinstance(ours, Unclear) else tuple(ours))


def place(found: Spot | None) -> tuple[str, str, bool]:
    assert found is not None
    return found.pod, found.container, found.previous


def test_where_all_is_well_it_is_the_services_container_in_the_newest_pod() -> None:
    older = pod("one", container("proxy"), container(), age=60)
    found = spot(inside(older, pod("two", container("proxy"), container())))
    assert place(found) == ("two", "web", False)
    assert found is not None
    assert found.why == "the newest pod of aaaaaaa"
    assert found.runs


def test_a_crashing_container_is_it_with_the_run_that_crashed() -> None:
    crashing = container(running=False, waiting="CrashLoopBackOff", ended_before=CRASH, restarts=4)
    serving = pod("old", container(image=OLD), revision="old", age=60)
    found = spot(inside(serving, pod("new", crashing, ready=False), counts=ROLLING))
    assert place(found) == ("new", "web", True)
    assert found is not None
    assert found.why == "CrashLoopBackOff, exit code 3: no database"
    assert not found.runs


def test_between_two_crashes_the_run_before_tells_more() -> None:
    again = container(ended_before=CRASH, restarts=4, started_at=NOW)
    found = spot(inside(pod("new", again)))
    assert place(found) == ("new", "web", True)
    assert found is not None
    assert found.runs


def test_a_run_that_just_ended_is_not_the_one_before() -> None:
    ended = container(running=False, ended=CRASH, restarts=0)
    failed = pod("new", ended, ready=False)._replace(phase="Failed")
    assert place(spot(inside(failed, counts=ROLLING))) == ("new", "web", False)


@pytest.mark.parametrize("init", [True, False])
def test_an_init_container_or_a_sidecar_that_crashes_is_it(init: bool) -> None:
    bad = container(
        *("other", "r/other:1"),
        init=init,
        running=False,
        waiting="CrashLoopBackOff",
        ended_before=CRASH,
        restarts=2,
    )
    waits = container(running=False, waiting="PodInitializing")
    found = spot(inside(pod("new", bad, waits, ready=False), counts=ROLLING))
    assert place(found) == ("new", "other", True)


def test_the_container_that_is_asked_for_is_it_in_the_pod_that_fails() -> None:
    crashing = container(running=False, waiting="CrashLoopBackOff", ended_before=CRASH, restarts=4)
    new = pod("new", crashing, container("proxy", "r/proxy:1"), ready=False)
    found = spot(inside(new, counts=ROLLING), Asked("proxy"))
    assert place(found) == ("new", "proxy", False)
    with pytest.raises(ValueError, match="pod new has no container `nope`; it has web, proxy"):
        spot(inside(new, counts=ROLLING), Asked("nope"))


def test_the_pod_that_is_asked_for_is_it() -> None:
    both = inside(pod("one", container(), age=60), pod("two", container()))
    assert place(spot(both, Asked(pod="one"))) == ("one", "web", False)
    assert spot(both, Asked(pod="three")) is None


def test_while_an_init_container_runs_it_is_the_one() -> None:
    first = container("migrate", "r/migrate:1", init=True)
    waits = container(running=False, waiting="PodInitializing")
    found = spot(inside(pod("new", first, waits, ready=False), counts=ROLLING))
    assert place(found) == ("new", "migrate", False)


def test_a_rollout_on_its_way_shows_a_new_pod_and_one_that_failed_what_is_not_ready() -> None:
    old = pod("old", container(image=OLD), revision="old", age=60)
    slow = pod("new", container(ready=False), ready=False)
    going = inside(old, slow, counts=ROLLING)
    assert place(spot(going))[0] == "new"

    ready = pod("newer", container(), age=-60)
    assert place(spot(inside(old, slow, ready, counts=ROLLING)))[0] == "newer"
    failed = going._replace(
        pods=(old, slow, ready), rollout=Rollout(Phase.FAILED, "ProgressDeadlineExceeded")
    )
    assert place(spot(failed))[0] == "new"


@pytest.mark.parametrize(
    ("waiting", "message", "says"),
    [
        ("ErrImagePull", "not found", "ErrImagePull: not found"),
        ("ContainerCreating", "", "ContainerCreating"),
        (None, "", "its node"),
    ],
)
def test_what_has_never_run_says_what_it_waits_for(
    waiting: str | None, message: str, says: str
) -> None:
    never = container(running=False, waiting=waiting, message=message)
    found = spot(inside(pod("new", never, ready=False), counts=ROLLING))
    assert found is not None
    assert (found.waits_for, found.runs) == (says, False)


def test_where_no_container_is_known_as_the_services_it_is_the_first_that_is_no_init() -> None:
    first = container("migrate", "r/migrate:1", init=True, running=False, ended=Ended(0))
    both = pod("one", first, container("a", "r/a:1"), container("b", "r/b:1"))
    assert place(spot(inside(both, ours=Unclear("containers: a, b")))) == ("one", "a", False)


def test_without_pods_there_is_none_and_without_new_ones_an_old_one_is_named_so() -> None:
    assert spot(inside()) is None
    leaving = pod("old", container(image=OLD), revision="old")._replace(deleting=True)
    found = spot(inside(leaving))
    assert found is not None
    assert found.why == "an older pod of bbbbbbb"


def test_of_a_cronjob_it_is_the_last_jobs_pod() -> None:
    jobs = [
        Job(name, "tick", BEGIN + timedelta(hours=hours), TEMPLATE[:1])
        for hours, name in enumerate(("first", "last"))
    ]
    pods = tuple(
        Pod(f"{job.name}-x", "Job", job.name, "", job.created_at, "Succeeded", (container(),))
        for job in reversed(jobs)
    )
    tick = Workload(Kind.CRONJOB, EnvironmentName("shop"), ServiceName("tick"), TEMPLATE[:1])
    found = spot(Inside(tick, pods, judge(tick, pods, jobs, now=NOW), TEMPLATE[:1], jobs))
    assert found is not None
    assert (found.pod, found.why) == ("last-x", "the last job's pod of aaaaaaa")


def test_every_pod_has_one_and_the_first_is_the_one_that_matters() -> None:
    crashing = container(running=False, waiting="CrashLoopBackOff", ended_before=CRASH, restarts=4)
    old = pod("a-old", container(image=OLD), revision="old", age=60)
    leaving = pod("b-old", container(image=OLD), revision="old", age=60)._replace(deleting=True)
    found = spots(inside(old, leaving, pod("z-new", crashing, ready=False), counts=ROLLING))
    assert [(one.pod, one.previous) for one in found] == [("z-new", True), ("a-old", False)]


def test_the_lines_for_kubectl_can_be_pasted() -> None:
    where = Where(EnvironmentName("shop-prod"), "my context", "/a file")
    one = Spot("web-1", "web", "", previous=True)
    since = datetime(2026, 11, 1, 2, tzinfo=UTC)
    assert logs(where, one, LogPart(follow=True, tail=3, since=since, timestamps=True)) == (
        "kubectl logs web-1 -c web --previous --follow --tail=3 "
        "--since-time=2026-11-01T02:00:00+00:00 --timestamps "
        "-n shop-prod --context 'my context' --kubeconfig '/a file'"
    )
    call = execution(Where(EnvironmentName("x")), one, ("sh", "-c", "a; b"), stdin=True, tty=False)
    assert typed(call) == "kubectl exec web-1 -c web --stdin -n x -- sh -c 'a; b'"
