"""The container that somebody means, as a whole value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.cluster.inside import (
    ANY,
    Asked,
    Inside,
    LogPart,
    Spot,
    spot,
    spots,
)
from gitops_cli.domain.cluster.rollout import Phase, Rollout
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    Container,
    Ended,
    Job,
    Pod,
    PodContainer,
    Unclear,
    Workload,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

AT, SECOND = datetime(2026, 11, 1, tzinfo=UTC), timedelta(seconds=1)
NEW, OLD = f"r/web:{'a' * 40}", f"r/web:{'b' * 40}"
OURS = (Container("web", NEW, "/0"),)
DONE = Rollout(Phase.COMPLETE)
RAN = PodContainer("web", NEW, running=True, ready=True)
OUT = Ended(1, "Error", "x")


def pod(name: str, *containers: PodContainer, age: int = 0, **more: object) -> Pod:
    at = AT - age * SECOND
    given = Pod(name, "ReplicaSet", "web-5", "5", at, "Running", containers or (RAN,), ready=True)
    return given._replace(**more)  # type: ignore[arg-type]


def inside(
    *pods: Pod, rollout: Rollout = DONE, ours: tuple[Container, ...] | Unclear = OURS
) -> Inside:
    space, name = EnvironmentName("shop"), ServiceName("web")
    return Inside(Workload(Kind.DEPLOYMENT, space, name, OURS), pods, rollout, ours)


def test_what_is_asked_of_a_log_by_default() -> None:
    assert Asked(None, None) == ANY
    assert LogPart(False, None, None, False) == LogPart()
    assert Spot("p", "c", "w") == Spot("p", "c", "w", False, False, None, None)
    assert Spot("p", "c", "w").place == "pod/p/c"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (pod("p"), Spot("p", "web", "the newest pod of aaaaaaa", runs=True)),
        (
            pod("p", ready=False),
            Spot("p", "web", "the newest pod of aaaaaaa, not ready", runs=True),
        ),
        (
            pod("p", RAN._replace(image="r/web"), deleting=True),
            Spot("p", "web", "an older pod of r/web", runs=True),
        ),
        (
            pod("p", RAN._replace(running=False, ended=OUT, waiting="w")),
            Spot("p", "web", "the newest pod of aaaaaaa"),
        ),
        (
            pod("p", RAN._replace(running=False, ended_before=OUT, waiting="w")),
            Spot("p", "web", "the newest pod of aaaaaaa"),
        ),
        (
            pod("p", RAN._replace(running=False, waiting="w"), unschedulable="no room"),
            Spot("p", "web", "the newest pod of aaaaaaa", waits_for="no room"),
        ),
        (
            pod("p", RAN._replace(running=False, message="only this")),
            Spot("p", "web", "the newest pod of aaaaaaa", waits_for="only this"),
        ),
        (
            pod("p", RAN._replace(running=False, waiting="w", message="m")),
            Spot("p", "web", "the newest pod of aaaaaaa", waits_for="w: m"),
        ),
        (
            pod("p", RAN._replace(running=False)),
            Spot("p", "web", "the newest pod of aaaaaaa", waits_for="its node"),
        ),
    ],
)
def test_the_only_pod(one: Pod, expected: Spot) -> None:
    assert spot(inside(one)) == expected


def test_of_several_pods_the_newest_and_then_the_last_by_name() -> None:
    def chosen(*pods: Pod, rollout: Rollout = DONE) -> str:
        found = spot(inside(*pods, rollout=rollout))
        assert found is not None
        return found.pod

    failed = Rollout(Phase.FAILED)
    assert chosen(pod("a"), pod("b"), pod("c", age=1)) == "b"
    assert chosen(pod("a", age=-1), pod("b")) == "a"
    assert chosen(pod("a", created_at=None), pod("b", created_at=None)) == "b"
    assert chosen(pod("z", created_at=None), pod("b")) == "b"
    early = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert chosen(pod("z", created_at=None), pod("b", created_at=early)) == "b"
    assert chosen(pod("a"), pod("b", ready=False)) == "a"
    assert chosen(pod("a", ready=False), pod("b"), rollout=failed) == "a"


PREPARE = PodContainer("prepare", "r/p:1", init=True, running=True)


def test_what_prepares_is_it_until_the_service_runs() -> None:
    waits = RAN._replace(running=False)
    why = "the newest pod of aaaaaaa"
    assert spot(inside(pod("p", PREPARE, waits))) == (
        Spot("p", "prepare", f"{why}; it is still preparing", runs=True)
    )
    assert spot(inside(pod("p", PREPARE, RAN))) == Spot("p", "web", why, runs=True)
    done = PREPARE._replace(running=False)
    assert spot(inside(pod("p", done, waits))) == Spot("p", "web", why, waits_for="its node")
    beside = PREPARE._replace(init=False)
    assert spot(inside(pod("p", beside, waits))) == Spot("p", "web", why, waits_for="its node")
    asked = Asked(container="web", pod="p")
    assert spot(inside(pod("p", PREPARE, waits)), asked) == Spot(
        "p", "web", why, waits_for="its node"
    )


def test_whose_container_it_is_where_nothing_tells() -> None:
    other = PodContainer("a", "r/a:1", running=True)
    unclear = inside(pod("p", other, RAN), ours=Unclear("a, web"))
    assert spot(unclear) == Spot("p", "a", "the newest pod of 1", runs=True)
    assert spot(inside(pod("p", PREPARE), ours=())) == (
        Spot("p", "prepare", "the newest pod of 1", runs=True)
    )
    with pytest.raises(ValueError) as found:  # noqa: PT011
        spot(inside(pod("p", other, RAN)), Asked("x"))
    assert str(found.value) == "pod p has no container `x`; it has a, web"


CRASH = Trouble("Error", "boom", pod="p", container="side", exit_code=1)
TEXT = "Error, exit code 1: boom"


@pytest.mark.parametrize(
    ("trouble", "ended", "before", "asked", "container", "previous"),
    [
        (CRASH, None, OUT, ANY, "side", True),
        (CRASH, OUT, OUT, ANY, "side", False),
        (CRASH, None, None, ANY, "side", False),
        (CRASH, None, OUT, Asked("side"), "side", True),
        (CRASH, None, OUT, Asked("web"), "web", False),
        (CRASH._replace(exit_code=None), None, OUT, ANY, "side", False),
        (CRASH._replace(container=None), None, OUT, ANY, "web", False),
    ],
)
def test_the_container_in_trouble(
    trouble: Trouble,
    ended: Ended | None,
    before: Ended | None,
    asked: Asked,
    container: str,
    previous: bool,
) -> None:
    side = PodContainer("side", "r/s:1", running=True, ended=ended, ended_before=before)
    here = inside(pod("q"), pod("p", side, RAN), rollout=Rollout(Phase.FAILED, trouble=trouble))
    expected = Spot("p", container, trouble.text, previous, True, None, trouble)
    assert spot(here, asked) == expected
    assert spot(here, Asked(pod="q")) == Spot("q", "web", "the newest pod of aaaaaaa", runs=True)


@pytest.mark.parametrize("name", [None, "gone"])
def test_a_trouble_of_no_pod_that_is_there(name: str | None) -> None:
    here = inside(pod("q"), rollout=Rollout(Phase.FAILED, trouble=CRASH._replace(pod=name)))
    assert spot(here) == Spot("q", "web", "the newest pod of aaaaaaa", runs=True)


def test_one_container_of_each_pod_the_newest_version_first() -> None:
    old = RAN._replace(image=OLD)
    pods = (
        *(pod("a", old, revision="4"), pod("d"), pod("b"), pod("c", deleting=True)),
        pod("e", age=-1),
    )
    why, older = "the newest pod of aaaaaaa", "an older pod of bbbbbbb"
    assert spots(inside(*pods)) == (
        *(Spot(name, "web", why, runs=True) for name in "ebd"),
        Spot("a", "web", older, runs=True),
    )
    assert spots(inside(*pods), Asked(pod="a")) == (Spot("a", "web", older, runs=True),)
    assert spots(inside(*pods), Asked(pod="x")) == ()
    assert spots(inside()) == ()


def test_the_pods_of_a_cronjob_are_those_of_its_last_job() -> None:
    jobs = tuple(Job(name, "tick", AT + n * SECOND, OURS) for n, name in enumerate(("j1", "j2")))
    pods = tuple(pod(f"p-{job.name}", owner_name=job.name, ready=False) for job in jobs)
    tick = Workload(Kind.CRONJOB, EnvironmentName("shop"), ServiceName("tick"), OURS)
    here = Inside(tick, pods, DONE, OURS, jobs)
    assert here.current == pods[1:]
    assert spots(here) == (
        Spot("p-j2", "web", "the last job's pod of aaaaaaa", runs=True),
        Spot("p-j1", "web", "an earlier job's pod of aaaaaaa", runs=True),
    )
    assert here._replace(jobs=()).current == ()
    assert Inside(tick, pods, DONE, OURS).jobs == ()
