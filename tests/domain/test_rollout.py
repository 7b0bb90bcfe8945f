"""Every way a rollout can stand, judged from literals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.cluster.rollout import Phase, judge, newest_pods, trouble_of
from gitops_cli.domain.cluster.troubles import Trouble, pod_troubles, with_event
from gitops_cli.domain.cluster.workload import (
    Condition,
    Container,
    Counts,
    Ended,
    Pod,
    PodContainer,
    Workload,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DONE = Counts(2, 2, 2, 2, 2)
NOT_FOUND = "rpc error: code = NotFound desc = failed to resolve reference: r/web:1: not found"


def workload(kind: Kind = Kind.DEPLOYMENT, counts: Counts = DONE) -> Workload:
    return Workload(
        kind,
        EnvironmentName("shop"),
        ServiceName("web"),
        (Container("web", "r/web:1", "/0"),),
        generation=3,
        observed_generation=3,
        counts=counts,
    )


def waiting(reason: str, message: str = "", ended: Ended | None = None) -> PodContainer:
    return PodContainer("web", "r/web:1", waiting=reason, message=message, ended_before=ended)


def pod(*containers: PodContainer, name: str = "web-1", revision: str = "1", age: int = 0) -> Pod:
    created = BEGIN - timedelta(seconds=age)
    return Pod(name, "ReplicaSet", f"web-{revision}", revision, created, "Pending", containers)


BEHIND = Counts(2, 3, 1, 2, 2)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        pytest.param(Counts(2, 2, 1, 2, 2), "1 of 2 updated", id="some-updated"),
        pytest.param(Counts(2, 3, 2, 3, 3), "1 old pod is ending", id="old-ones-left"),
        pytest.param(Counts(2, 2, 2, 1, 1), "1 of 2 available", id="not-ready"),
        pytest.param(Counts(2, 0, 0, 0, 0), "0 of 2 updated", id="no-pod-yet"),
    ],
)
def test_a_rollout_on_its_way_says_how_far_it_is(counts: Counts, message: str) -> None:
    found = judge(workload(counts=counts), [])
    assert (found.phase, found.message) == (Phase.PROGRESSING, message)


def test_complete() -> None:
    assert judge(workload()).phase is Phase.COMPLETE


def test_scaled_to_nothing_is_complete() -> None:
    assert judge(workload(counts=Counts())).phase is Phase.COMPLETE


def test_a_spec_its_controller_has_not_seen_is_on_its_way_whatever_the_counts_say() -> None:
    seen = judge(workload()._replace(observed_generation=2))
    assert seen.phase is Phase.PROGRESSING
    assert judge(workload(), generation=4).phase is Phase.PROGRESSING


def test_the_progress_deadline_is_a_failure_with_the_pods_reason() -> None:
    stuck = workload(counts=BEHIND)._replace(
        conditions=(Condition("Progressing", False, "ProgressDeadlineExceeded", "timed out"),),
    )
    assert judge(stuck).trouble == Trouble("ProgressDeadlineExceeded", "timed out")
    unready = judge(stuck, [pod(waiting("CrashLoopBackOff", ended=Ended(3, "Error", "no db")))])
    assert unready.phase is Phase.FAILED
    assert unready.trouble is not None
    assert unready.trouble.text == "CrashLoopBackOff, exit code 3: no db"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", NOT_FOUND),
        ("ImagePullBackOff", f'Back-off pulling image "r/web:1": ErrImagePull: {NOT_FOUND}'),
        ("ErrImagePull", "manifest unknown: manifest unknown"),
        ("InvalidImageName", "couldn't parse image name"),
        ("CreateContainerConfigError", 'secret "db" not found'),
        ("ErrImageNeverPull", ""),
    ],
)
def test_what_waiting_cannot_mend_fails_at_once(reason: str, message: str) -> None:
    found = judge(workload(counts=BEHIND), [pod(waiting(reason, message))])
    assert found.phase is Phase.FAILED
    assert found.trouble is not None
    assert found.trouble.final
    assert (found.trouble.reason, found.trouble.pod) == (reason, "web-1")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ImagePullBackOff", 'Back-off pulling image "r/web:1": ErrImagePull: i/o timeout'),
        ("ErrImagePull", "dial tcp: lookup registry.example.com: no such host"),
        ("CrashLoopBackOff", "back-off 10s restarting"),
        ("CreateContainerError", "context deadline exceeded"),
    ],
)
def test_a_back_off_alone_is_trouble_but_not_yet_a_failure(reason: str, message: str) -> None:
    found = judge(workload(counts=BEHIND), [pod(waiting(reason, message))])
    assert found.phase is Phase.PROGRESSING
    assert found.trouble is not None
    assert found.trouble.reason == reason


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
def test_starting_is_no_trouble(reason: str) -> None:
    assert judge(workload(counts=BEHIND), [pod(waiting(reason))]).trouble is None


def test_a_run_that_has_just_failed_is_a_trouble_before_the_kubelet_calls_it_so() -> None:
    ended = PodContainer("web", "r/web:1", ended=Ended(5, "Error"))
    [trouble] = pod_troubles([pod(ended)._replace(phase="Running")])
    assert (trouble.reason, trouble.exit_code, trouble.final) == ("Error", 5, False)
    done = PodContainer("web", "r/web:1", ended=Ended(0, "Completed"))
    assert [*pod_troubles([pod(done)._replace(phase="Running")])] == []


def test_an_older_kubelets_bare_back_off_is_explained_by_an_event() -> None:
    bare = judge(
        workload(counts=BEHIND), [pod(waiting("ImagePullBackOff", 'Back-off pulling image "x"'))]
    ).trouble
    assert bare is not None
    assert bare.is_bare
    assert not bare.final
    words = f'Failed to pull image "x": {NOT_FOUND}'
    assert with_event(bare, words) == bare._replace(message=words, final=True)
    assert with_event(bare, "i/o timeout") == bare._replace(message="i/o timeout")
    assert with_event(bare, "") == bare


def test_quota_is_told_by_the_workloads_condition() -> None:
    full = workload(counts=Counts(2, 0, 0, 0, 0))._replace(
        conditions=(Condition("ReplicaFailure", True, "FailedCreate", "exceeded quota: pods=0"),),
    )
    assert judge(full).trouble == Trouble("FailedCreate", "exceeded quota: pods=0")


def test_unschedulable() -> None:
    stuck = pod()._replace(unschedulable="0/1 nodes are available")
    found = judge(workload(counts=BEHIND), [stuck])
    assert found.trouble == Trouble("Unschedulable", "0/1 nodes are available", "web-1")
    assert found.phase is Phase.PROGRESSING


def test_an_evicted_pod_says_why() -> None:
    gone = pod()._replace(phase="Failed", reason="Evicted", message="low on memory")
    assert trouble_of(workload(), [gone]) == Trouble("Evicted", "low on memory", "web-1")


def test_the_trouble_of_an_old_generation_does_not_count() -> None:
    old = pod(waiting("CrashLoopBackOff", ended=Ended(1)), name="old", revision="0", age=60)
    new = pod(waiting("")._replace(running=True), name="new", revision="1")
    assert judge(workload(counts=BEHIND), [old, new]).trouble is None
    assert newest_pods(workload(), [old, new]) == (new,)


def test_pods_that_are_being_deleted_do_not_count() -> None:
    leaving = pod(waiting("CrashLoopBackOff", ended=Ended(1)))._replace(deleting=True)
    assert judge(workload(counts=BEHIND), [leaving]).trouble is None


def test_where_admission_rewrites_images_the_youngest_generation_counts() -> None:
    strange = PodContainer("web", "mirror/web:1", waiting="InvalidImageName")
    assert judge(workload(counts=BEHIND), [pod(strange)]).phase is Phase.FAILED


def test_pods_of_before_are_no_trouble_of_a_template_that_has_none_yet() -> None:
    """Its controller has seen it, but the first pod is not made: as right after a mending patch."""
    old = pod(PodContainer("web", "r/web:gone", waiting="ErrImagePull", message="not found"))
    unmade = workload(counts=BEHIND._replace(updated=0))
    found = judge(unmade, [old])
    assert (found.phase, found.trouble) == (Phase.PROGRESSING, None)
    assert newest_pods(unmade, [old]) == ()


def test_a_statefulset_knows_its_newest_revision() -> None:
    behind = workload(Kind.STATEFULSET, BEHIND)._replace(update_revision="web-2")
    bad = pod(waiting("InvalidImageName"))._replace(revision="web-1")
    assert judge(behind, [bad]).trouble is None
    assert judge(behind, [bad._replace(revision="web-2")]).phase is Phase.FAILED


def test_an_older_pod_that_an_ordered_statefulset_waits_for_is_its_trouble() -> None:
    behind = workload(Kind.STATEFULSET, BEHIND)._replace(update_revision="web-2", ordered=True)
    old = pod(waiting("CrashLoopBackOff", ended=Ended(1)))._replace(revision="web-1")
    found = judge(behind, [old])
    assert found.phase is Phase.PROGRESSING, "it may start yet"
    assert found.trouble is not None
    assert (found.trouble.reason, found.trouble.exit_code) == ("CrashLoopBackOff", 1)
    assert found.trouble.blocks
    assert f"{old.name} is of an older version" in found.trouble.message
    absent = pod(waiting("InvalidImageName"))._replace(revision="web-1")
    assert judge(behind, [absent]).phase is Phase.FAILED
    assert judge(behind._replace(ordered=False), [absent]).trouble is None
    below = judge(behind._replace(partition=1), [absent]).trouble
    assert below is not None
    assert not below.blocks


def test_pods_that_are_lacking_raise_a_suspicion_where_the_status_has_no_reason() -> None:
    lacking = workload(Kind.DAEMONSET, Counts(2, 1, 1, 1, 1))
    there = pod(waiting("")._replace(running=True))
    found = judge(lacking, [there])
    assert found.trouble is None
    assert found.suspicion == Trouble(
        "FailedCreate", maker=(Kind.DAEMONSET, "web"), since=there.created_at
    )
    assert judge(lacking._replace(kind=Kind.DEPLOYMENT), [there]).suspicion is None
    assert judge(workload(Kind.DAEMONSET, Counts(2, 2, 1, 1, 1)), [there]).suspicion is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"on_delete": True}, "OnDelete"),
        ({"partition": 2}, "partition 2: all pods stay old"),
        ({"paused": True}, "kubectl rollout resume"),
    ],
)
def test_what_its_own_settings_hold_back_is_never_complete(
    changed: dict[str, object], words: str
) -> None:
    held = workload(Kind.STATEFULSET, Counts(2, 2, 1, 2, 2))._replace(**changed)  # type: ignore[arg-type]
    found = judge(held)
    assert found.phase is Phase.HALTED
    assert words in found.message
    assert found.is_over


@pytest.mark.parametrize(
    ("counts", "phase", "message"),
    [
        pytest.param(Counts(3, 3, 0, 3, 3), Phase.PROGRESSING, "0 of 1 updated", id="not-yet"),
        pytest.param(Counts(3, 3, 1, 2, 2), Phase.PROGRESSING, "2 of 3 available", id="unready"),
        pytest.param(
            Counts(3, 3, 1, 3, 3),
            Phase.PARTITIONED,
            "partition 2: 1 of 3 pods is new, the others stay old",
            id="as-far-as-it-goes",
        ),
    ],
)
def test_the_pods_above_a_partition_are_waited_for(
    counts: Counts, phase: Phase, message: str
) -> None:
    held = workload(Kind.STATEFULSET, counts)._replace(partition=2)
    found = judge(held)
    assert (found.phase, found.message) == (phase, message)


def test_a_canary_has_to_prove_itself_like_any_pod() -> None:
    held = workload(Kind.STATEFULSET, Counts(3, 3, 1, 3, 3))._replace(partition=2)
    crashed = PodContainer(
        "web",
        "r/web:1",
        running=True,
        ready=True,
        restarts=3,
        started_at=BEGIN,
        ended_before=Ended(1, ran=5),
    )
    found = judge(held, [pod(crashed)], now=BEGIN + timedelta(seconds=1))
    assert found.phase is Phase.PROGRESSING
    assert found.trouble is not None


def late(*, condition_at: int, template_at: int, deadline: int = 60) -> Workload:
    exceeded = Condition(
        "Progressing",
        False,
        "ProgressDeadlineExceeded",
        "has timed out",
        BEGIN + timedelta(seconds=condition_at),
    )
    return workload(counts=Counts(1, 2, 1, 1, 1))._replace(
        conditions=(exceeded,),
        template_at=BEGIN + timedelta(seconds=template_at),
        deadline=deadline,
    )


@pytest.mark.parametrize(
    ("condition_at", "template_at", "now", "phase"),
    [
        pytest.param(0, 5, 6, Phase.PROGRESSING, id="older-than-the-change"),
        pytest.param(5, 5, 6, Phase.PROGRESSING, id="of-the-same-second"),
        pytest.param(30, 5, 31, Phase.PROGRESSING, id="counted-from-before-the-change"),
        pytest.param(66, 5, 66, Phase.FAILED, id="this-rollout-had-its-time"),
        pytest.param(0, 5, 66, Phase.FAILED, id="nothing-rose-in-all-that-time"),
    ],
)
def test_a_deadline_that_the_rollout_before_exceeded_says_nothing(
    condition_at: int, template_at: int, now: int, phase: Phase
) -> None:
    held = late(condition_at=condition_at, template_at=template_at)
    assert judge(held, now=BEGIN + timedelta(seconds=now)).phase is phase


def test_times_that_somebody_made_up_are_no_bug() -> None:
    """Whoever may update an object may write any time into its managedFields."""
    held = late(condition_at=0, template_at=0)
    for year in (1970, 9999):
        found = judge(held._replace(template_at=datetime(year, 12, 31, tzinfo=UTC)), now=BEGIN)
        assert found.phase in (Phase.FAILED, Phase.PROGRESSING)


def test_what_was_evicted_and_replaced_is_no_trouble() -> None:
    evicted = pod(PodContainer("web", "r/web:1"), name="old")
    evicted = evicted._replace(phase="Failed", reason="Evicted", message="low on memory")
    starting = pod(waiting("ContainerCreating"), name="new")
    assert trouble_of(workload(), [evicted, starting]) is None
    alone = trouble_of(workload(), [evicted])
    assert alone is not None
    assert alone.text == "Evicted: low on memory"


def test_trouble_in_a_halted_rollout_is_not_hidden() -> None:
    held = workload(counts=Counts(2, 2, 1, 1, 1))._replace(on_delete=True)
    found = judge(held, [pod(waiting("CrashLoopBackOff", ended=Ended(1)))])
    assert found.trouble is not None
    assert found.phase is Phase.PROGRESSING


def test_a_final_trouble_and_an_exit_code_tell_more_than_others() -> None:
    pods = [
        pod(waiting("ImagePullBackOff", ": i/o timeout"), name="a"),
        pod(waiting("CrashLoopBackOff", ended=Ended(7)), name="b"),
    ]
    found = trouble_of(workload(), pods)
    assert found is not None
    assert found.pod == "b"
    final = trouble_of(workload(), [*pods, pod(waiting("InvalidImageName"), name="c")])
    assert final is not None
    assert final.pod == "c"


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Ended(3, "OOMKilled", " no memory\n"), "no memory"),
        (Ended(3, "OOMKilled"), "OOMKilled"),
        (Ended(3, "Error", "no database"), "no database"),
        (Ended(3, "Error"), ""),
    ],
)
def test_a_crash_is_explained_by_its_message_or_by_a_reason_that_says_something(
    ended: Ended, message: str
) -> None:
    crashing = waiting("CrashLoopBackOff", "back-off 5m0s", ended)._replace(restarts=4)
    assert list(pod_troubles([pod(crashing)])) == [
        Trouble("CrashLoopBackOff", message, "web-1", "web", exit_code=3, restarts=4)
    ]
