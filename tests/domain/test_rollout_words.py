"""A judgement in full: its words, its counts, and the trouble that it names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_cli.domain.cluster.comparison import State, compare, target_of
from gitops_cli.domain.cluster.rollout import (
    Phase,
    Rollout,
    judge,
    last_job,
    newest_pods,
    trouble_of,
)
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    COMMIT,
    Condition,
    Container,
    Counts,
    Ended,
    Job,
    Observed,
    Pod,
    PodContainer,
    Workload,
)
from gitops_cli.domain.errors import ClusterError, Denied
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files

BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC)
SPACE, WEB = EnvironmentName("shop"), ServiceName("web")
DONE, BEHIND = Counts(2, 2, 2, 2, 2), Counts(2, 3, 1, 2, 2)
CONTAINERS = (Container("web", "r/web:1", "/0"),)
SOON = timedelta(seconds=10)


def workload(kind: Kind = Kind.DEPLOYMENT, counts: Counts = DONE, **more: Any) -> Workload:
    given = {"generation": 3, "observed_generation": 3, "counts": counts} | more
    return Workload(kind, SPACE, WEB, CONTAINERS, **given)


def pod(container: PodContainer, name: str = "web-1", revision: str = "1", **more: Any) -> Pod:
    given = {"phase": "Running"} | more
    owner = given.pop("owner", ("ReplicaSet", f"web-{revision}"))
    return Pod(name, *owner, revision, BEGIN, given.pop("phase"), (container,), **given)


def crashed(restarts: int, ran: float | None = 5.0, **more: Any) -> PodContainer:
    """Return a container that ran so many seconds, ended with 3, and runs since BEGIN."""
    given = {"running": True, "started_at": BEGIN, "ended_before": Ended(3, ran=ran)} | more
    return PodContainer("web", "r/web:1", restarts=restarts, **given)


def test_a_change_that_is_not_seen_yet() -> None:
    unseen = Rollout(Phase.PROGRESSING, "its controller has not seen the change yet")

    assert judge(workload(observed_generation=2)) == unseen
    assert judge(workload(), generation=4) == unseen
    assert judge(workload(generation=0, observed_generation=0)).phase is Phase.COMPLETE


def test_complete_with_its_counts() -> None:
    assert judge(workload()) == Rollout(Phase.COMPLETE, counts=(2, 2))
    assert judge(workload(counts=Counts())) == Rollout(Phase.COMPLETE, counts=(0, 0))


@pytest.mark.parametrize(
    ("counts", "message", "progress"),
    [
        (BEHIND, "1 of 2 updated", (1, 2)),
        (Counts(2, 4, 2, 4, 4), "2 old pods are ending", (2, 2)),
        (Counts(2, 3, 2, 3, 3), "1 old pod is ending", (2, 2)),
        (Counts(2, 2, 2, 1, 2), "1 of 2 available", (2, 2)),
        (Counts(2, 2, 2, 2, 1), "1 of 2 available", (1, 2)),
    ],
)
def test_how_far_it_is(counts: Counts, message: str, progress: tuple[int, int]) -> None:
    assert judge(workload(counts=counts), []) == Rollout(Phase.PROGRESSING, message, None, progress)


@pytest.mark.parametrize(
    ("updated", "said"), [(1, "1 of 3 pods is new"), (2, "2 of 3 pods are new")]
)
def test_as_far_as_a_partition_lets_it(updated: int, said: str) -> None:
    counts = Counts(3, 3, updated, 3, 3)
    of = workload(Kind.STATEFULSET, counts, partition=3 - updated)

    assert judge(of) == Rollout(
        Phase.PARTITIONED,
        f"partition {3 - updated}: {said}, the others stay old",
        counts=(updated, 3),
    )
    assert judge(of._replace(partition=0)).phase is Phase.PROGRESSING


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"paused": True}, "paused; `kubectl rollout resume deployment/web -n shop`"),
        ({"on_delete": True}, "updates OnDelete: 1 pods stay old until somebody deletes them"),
        ({"partition": 2}, "partition 2: all pods stay old"),
    ],
)
def test_who_stands_still_by_intent(more: dict[str, Any], message: str) -> None:
    of = workload(counts=BEHIND, **more)

    assert judge(of) == Rollout(Phase.HALTED, message, None, (1, 2))
    new = of._replace(counts=Counts(2, 3, 2, 2, 1))
    assert judge(new).phase is Phase.PROGRESSING, "nothing of it is held back"


def exceeded(updated_at: datetime | None, **more: Any) -> Workload:
    stuck = Condition("Progressing", False, "ProgressDeadlineExceeded", "said", updated_at)
    return workload(counts=BEHIND, conditions=(stuck,), **more)


def test_a_deadline_that_is_exceeded() -> None:
    expected = Rollout(
        Phase.FAILED,
        "ProgressDeadlineExceeded",
        Trouble("ProgressDeadlineExceeded", "said"),
        (1, 2),
    )

    assert judge(exceeded(BEGIN)) == expected
    assert judge(exceeded(None, template_at=BEGIN, deadline=600)) == expected


@pytest.mark.parametrize(
    ("condition", "now", "counts"),
    [(599, 599, False), (599, 600, True), (600, 600, True), (600, 1, True), (599, None, False)],
)
def test_a_deadline_of_the_rollout_before(condition: int, now: int | None, counts: bool) -> None:
    of = exceeded(BEGIN + timedelta(seconds=condition), template_at=BEGIN, deadline=600)
    at = None if now is None else BEGIN + timedelta(seconds=now)

    assert (judge(of, now=at).phase is Phase.FAILED) is counts


def test_a_trouble_that_no_waiting_mends() -> None:
    waits = PodContainer("web", "r/web:1", waiting="ErrImagePull", message="x: not found")
    of = workload(counts=BEHIND)
    trouble = Trouble("ErrImagePull", "x: not found", "web-1", "web", final=True)

    assert judge(of, [pod(waits)]) == Rollout(Phase.FAILED, "ErrImagePull", trouble, (1, 2))
    slow = pod(waits._replace(message="no route"))
    found = judge(of, [slow])
    assert (found.phase, found.counts, found.suspicion) == (Phase.PROGRESSING, (1, 2), None)
    assert judge(of._replace(paused=True), [slow]).phase is Phase.PROGRESSING


def test_pods_that_nobody_makes_are_a_suspicion() -> None:
    of = workload(Kind.STATEFULSET, Counts(2, 1, 1, 1, 1))
    running = pod(PodContainer("web", "r/web:1", running=True))
    suspicion = Trouble("FailedCreate", maker=(Kind.STATEFULSET, "web"))

    assert judge(of, []).suspicion == suspicion
    assert judge(of, [running]).suspicion == suspicion._replace(since=BEGIN)
    assert judge(of._replace(kind=Kind.DEPLOYMENT), []).suspicion is None
    assert judge(of._replace(counts=Counts(2, 2, 1, 1, 1)), []).suspicion is None


# --- restarts


AT = "last at 2026-11-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (crashed(1), f"web restarted once, {AT} after 5 s, last exit code 3"),
        (crashed(1, None), f"web restarted once, {AT}, last exit code 3"),
        (crashed(2, 600.0), f"web restarted 2 times, {AT} after 600 s, last exit code 3"),
    ],
)
def test_a_restart_that_has_not_held_yet(container: PodContainer, message: str) -> None:
    assert judge(workload(), [pod(container)], now=BEGIN + SOON) == Rollout(
        Phase.PROGRESSING, message, None, (2, 2)
    )


def test_several_restarts_after_short_runs_are_a_trouble() -> None:
    said = f"web restarted 4 times, {AT} after 5 s"
    trouble = Trouble("Restarting", said, "web-2", "web", exit_code=3, restarts=4)
    pods = [pod(crashed(2)), pod(crashed(4), "web-2"), pod(crashed(3), "web-3")]

    assert judge(workload(), pods, now=BEGIN + SOON) == Rollout(
        Phase.PROGRESSING, said, trouble, (2, 2)
    )
    assert judge(workload(), [pod(crashed(2, 599.0))], now=BEGIN + SOON).trouble is not None
    assert judge(workload(), [pod(crashed(2, None))], now=BEGIN + SOON).trouble is not None


@pytest.mark.parametrize(
    ("container", "needed"),
    [
        (crashed(1), 30),
        (crashed(8, None), 30),
        (crashed(7), 35),
        (crashed(3, 100.0), 300),
        (crashed(9, 100.0), 600),
    ],
)
def test_how_long_a_restart_has_to_hold(container: PodContainer, needed: int) -> None:
    def at(seconds: float) -> Phase:
        return judge(workload(), [pod(container)], now=BEGIN + timedelta(seconds=seconds)).phase

    assert at(needed - 0.001) is Phase.PROGRESSING
    assert at(needed) is Phase.COMPLETE


@pytest.mark.parametrize(
    "container",
    [crashed(0), crashed(2, started_at=None), crashed(2, ended_before=None)],
    ids=["none", "not started", "not ended"],
)
def test_what_is_no_restart(container: PodContainer) -> None:
    assert judge(workload(), [pod(container)], now=BEGIN).phase is Phase.COMPLETE
    assert judge(workload(), [pod(crashed(2))]).phase is Phase.COMPLETE, "without a clock"


# --- CronJobs


def job(name: str, **more: Any) -> Job:
    given = {"created_at": BEGIN, "containers": CONTAINERS} | more
    return Job(name, "web", given.pop("created_at"), given.pop("containers"), **given)


def of_job(name: str, container: PodContainer) -> Pod:
    return pod(container, owner=("Job", name))


WAITS = PodContainer("web", "r/web:1", waiting="ErrImagePull", message="x: not found")
FINAL = Trouble("ErrImagePull", "x: not found", "web-1", "web", final=True)


def test_a_cronjob_is_judged_by_its_last_job() -> None:
    cron = workload(Kind.CRONJOB)
    failed = job("web-2", failed=Condition("Failed", True, "BackoffLimitExceeded", "too often"))
    why = Trouble("BackoffLimitExceeded", "too often")

    assert judge(cron, [], [failed]) == Rollout(Phase.FAILED, "job web-2 failed", why)
    mine, other = of_job("web-2", WAITS), of_job("web-1", WAITS)
    assert judge(cron, [mine], [failed]).trouble == FINAL
    assert judge(cron, [other], [failed]).trouble == why
    runs = job("web-2")
    assert judge(cron, [mine], [runs]) == Rollout(Phase.FAILED, "job web-2 cannot start", FINAL)
    assert judge(cron, [other], [runs]) == Rollout(Phase.COMPLETE)
    slow = of_job("web-2", WAITS._replace(message="no route"))
    assert judge(cron, [slow], [runs]) == Rollout(
        Phase.COMPLETE, trouble=FINAL._replace(message="no route", final=False)
    )
    assert judge(cron, [slow], [job("web-2", succeeded=True)]) == Rollout(Phase.COMPLETE)
    old = job("web-2", containers=(CONTAINERS[0]._replace(image="r/web:0"),), failed=failed.failed)
    assert judge(cron, [mine], [old]) == Rollout(Phase.COMPLETE)
    assert judge(cron, [mine], []) == Rollout(Phase.COMPLETE)


def test_the_last_job_is_the_newest_and_of_two_the_last_named() -> None:
    one, two = job("a", created_at=BEGIN), job("b", created_at=BEGIN - SOON)

    assert last_job([two, one]) is one
    assert last_job([job("a"), job("c"), job("b")]) == job("c")
    assert last_job([job("z", created_at=None), two]) is two
    assert last_job([]) is None


# --- troubles


def test_pods_that_cannot_be_made() -> None:
    def refused(reason: str) -> Workload:
        return workload(conditions=(Condition("ReplicaFailure", True, reason, "quota"),))

    assert trouble_of(refused("Quota"), []) == Trouble("Quota", "quota")
    assert trouble_of(refused(""), []) == Trouble("FailedCreate", "quota")
    over = Condition("ReplicaFailure", False, "Quota", "quota")
    assert trouble_of(workload(conditions=(over,)), []) is None


def test_an_older_pod_that_blocks_an_ordered_statefulset() -> None:
    of = workload(Kind.STATEFULSET, BEHIND, ordered=True, update_revision="2")
    old = pod(WAITS._replace(message="no route"), "web-0", "1")
    says = "web-0 is of an older version, and the newer waits until it runs or is deleted"

    found = trouble_of(of, [old])
    assert found is not None
    assert (found.message, found.blocks) == (f"no route; {says}", True)
    bare = trouble_of(of, [pod(WAITS._replace(message=""), "web-0", "1")])
    assert bare is not None
    assert bare.message == says
    below = trouble_of(of._replace(partition=1), [old])
    assert below is not None
    assert not below.blocks
    for other in (of._replace(ordered=False), of._replace(update_revision=None)):
        assert all(not t.blocks for t in [trouble_of(other, [old])] if t is not None)
    assert trouble_of(of, [old._replace(deleting=True)]) is None


def test_the_newest_pods_have_the_templates_images() -> None:
    def running(image: str, name: str = "web") -> PodContainer:
        return PodContainer(name, image, running=True)

    new, old = pod(running("r/web:1"), "n", "2"), pod(running("r/web:0"), "o", "1")
    injected = pod(running("proxy:1", "proxy"), "i", "3")._replace(created_at=BEGIN - SOON)

    assert newest_pods(workload(), [old, new]) == (new,)
    assert newest_pods(workload(), [old, injected]) == (injected,), "a sidecar is nobody's image"
    later = old._replace(created_at=BEGIN + SOON)
    assert newest_pods(workload(), [later, new]) == (new,)
    assert newest_pods(workload(), [later]) == (later,)
    assert newest_pods(workload(), [new._replace(deleting=True)]) == ()
    over = new._replace(phase="Failed")
    assert newest_pods(workload(), [new, over]) == (new,)
    assert newest_pods(workload(), [over]) == (over,)
    ordered = workload(Kind.STATEFULSET, update_revision="1")
    assert newest_pods(ordered, [old, new]) == (old,)


# --- rows in full


NEW = "8f14e45fceea167a5a36dedd4bea2543ceea167a"


def environment(**files: str) -> Environment:
    raw = [RawFile(f"{SPACE}/images_path", b"r/\n")]
    raw += [RawFile(f"{SPACE}/{n.replace('_', '.')}", c.encode()) for n, c in files.items()]
    return parse_environment_files(SPACE, raw)


def test_a_row_says_all_that_was_seen() -> None:
    container = Container("web", f"r/web:{NEW}", "/0")
    runs = PodContainer("web", container.image, "sha256:0", running=True)
    of = workload()._replace(containers=(container,), annotations={COMMIT: "c0ffee"}, conditions=())
    observed = Observed(SPACE, (of,), (pod(runs), pod(runs, "web-2")), notes=("no events",))

    found = compare(environment(web_deployment=NEW), observed, now=BEGIN)

    assert (found.environment, found.notes, found.problems) == (SPACE, ("no events",), ())
    [row] = found.rows
    assert (row.environment, row.service, row.container) == (SPACE, "web", "web")
    assert (row.state, row.commit, row.path) == (
        State.IN_SYNC,
        "c0ffee",
        "shop/web.deployment",
    )
    assert row.rollout == Rollout(Phase.COMPLETE, counts=(2, 2))
    assert row.running is not None
    assert [(r.digest, r.pods) for r in row.running] == [("sha256:0", 2)]


def test_a_crash_is_seen_by_the_clock_that_is_given() -> None:
    container = Container("web", f"r/web:{NEW}", "/0")
    runs = crashed(4)._replace(image=container.image)
    observed = Observed(SPACE, (workload()._replace(containers=(container,)),), (pod(runs),))

    def state(now: datetime) -> State:
        [row] = compare(environment(web_deployment=NEW), observed, now=now).rows
        return row.state

    assert state(BEGIN + SOON) is not State.IN_SYNC
    assert state(BEGIN + timedelta(hours=1)) is State.IN_SYNC


def test_what_runs_without_a_file_is_told_in_full() -> None:
    container = Container("web", f"r/web:{NEW}", "/0")
    runs = PodContainer("web", container.image, "sha256:0", running=True)
    of = workload()._replace(containers=(container,), annotations={COMMIT: "c0ffee"})

    found = compare(environment(), Observed(SPACE, (of,), (pod(runs),)), now=BEGIN)

    [row] = found.rows
    assert (row.state, row.environment, row.container) == (State.UNTRACKED, SPACE, "web")
    assert (row.reason, row.commit) == ("no file shop/web.deployment", "c0ffee")
    assert row.running is not None
    assert [r.digest for r in row.running] == ["sha256:0"]


def test_a_kind_that_cannot_be_read_is_one_problem_and_others_go_on() -> None:
    denied = Denied("may not list cronjobs")
    files = environment(a_cronjob=NEW, b_cronjob=NEW, web_deployment=NEW)
    of = workload()._replace(containers=(Container("web", f"r/web:{NEW}", "/0"),))
    observed = Observed(SPACE, (of,), errors={Kind.CRONJOB: denied})

    found = compare(files, observed, now=BEGIN)

    assert found.problems == (denied,)
    assert [row.service for row in found.rows] == ["web"]
    two = Observed(
        SPACE, errors={Kind.CRONJOB: denied, Kind.DEPLOYMENT: ClusterError("broken off")}
    )
    assert {str(p) for p in compare(files, two, now=BEGIN).problems} == {
        "may not list cronjobs",
        "broken off",
    }


@pytest.mark.parametrize("pods", [True, False])
def test_what_is_looked_at(pods: bool) -> None:
    wanted = target_of(environment(web_deployment=NEW, a_cronjob=NEW), pods=pods)

    assert (wanted.namespace, wanted.pods) == (SPACE, pods)
    assert wanted.kinds >= {Kind.DEPLOYMENT, Kind.CRONJOB}
