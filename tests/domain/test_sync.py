"""What a sync did, which exit code that is, and when it leaves a workload alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_cli.domain.cluster.comparison import Row, State
from gitops_cli.domain.cluster.rollout import Phase, Rollout
from gitops_cli.domain.cluster.sync import (
    Deed,
    EnvironmentReport,
    Followed,
    RolloutVerdict,
    SyncOutcome,
    SyncReport,
    reason_to_leave,
    unpatched,
)
from gitops_cli.domain.errors import ClusterUnreachable, Denied, ExitCode
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.locks import Lock

SPACE, WEB = EnvironmentName("shop"), ServiceName("web")
WANTED, BEFORE = ImageRef("r/web", "b"), ImageRef("r/web", "a")


def outcome(done: Deed, **more: Any) -> SyncOutcome:
    return SyncOutcome(SPACE, WEB, Kind.DEPLOYMENT, done, **more)


@pytest.mark.parametrize(
    ("done", "code"),
    [
        (Deed.PATCHED, ExitCode.OK),
        (Deed.WOULD_PATCH, ExitCode.OK),
        (Deed.UNCHANGED, ExitCode.OK),
        (Deed.LEFT, ExitCode.NO),
        (Deed.REVERTED, ExitCode.NO),
        (Deed.MISSING, ExitCode.NO),
        (Deed.NOT_TRIED, ExitCode.NO),
        (Deed.UNCLEAR, ExitCode.USAGE),
        (Deed.ERROR, ExitCode.OK),
    ],
)
def test_the_exit_code_of_what_was_done(done: Deed, code: ExitCode) -> None:
    assert outcome(done).exit_code == code
    assert outcome(done, error=Denied("no")).exit_code == ExitCode.DENIED
    assert outcome(done).changes is (done in (Deed.PATCHED, Deed.WOULD_PATCH))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (RolloutVerdict.READY, ExitCode.OK),
        (RolloutVerdict.FAILED, ExitCode.ROLLOUT_FAILED),
        (RolloutVerdict.HALTED, ExitCode.NO),
        (RolloutVerdict.CHANGED, ExitCode.NO),
        (RolloutVerdict.TIMED_OUT, ExitCode.TIMED_OUT),
    ],
)
def test_the_exit_code_of_a_rollout_that_was_waited_for(
    verdict: RolloutVerdict, code: ExitCode
) -> None:
    assert outcome(Deed.PATCHED, verdict=verdict).exit_code == code
    assert outcome(Deed.PATCHED, verdict=verdict, failed=True).exit_code == code


def test_a_failure_seen_without_waiting_counts() -> None:
    assert outcome(Deed.UNCHANGED, failed=True).exit_code == ExitCode.ROLLOUT_FAILED
    assert outcome(Deed.MISSING, verdict=RolloutVerdict.READY).exit_code == ExitCode.NO


def test_the_worst_speaks_for_all() -> None:
    good, bad = outcome(Deed.PATCHED), outcome(Deed.MISSING)
    one = EnvironmentReport(SPACE, outcomes=(good, bad))
    other = EnvironmentReport(SPACE, problems=(ClusterUnreachable("no"),))

    assert EnvironmentReport(SPACE).exit_code == ExitCode.OK
    assert one.exit_code == ExitCode.NO
    assert one._replace(problems=other.problems).exit_code == ExitCode.API
    whole = SyncReport("c", (one, other))
    assert whole.exit_code == ExitCode.API
    assert whole.outcomes == (good, bad)
    assert whole.changed
    assert not SyncReport("c", (EnvironmentReport(SPACE, outcomes=(bad,)),)).changed
    assert not SyncReport(
        "c", (EnvironmentReport(SPACE, outcomes=(outcome(Deed.WOULD_PATCH),)),)
    ).changed


def row(state: State, phase: Phase | None = None, **more: Any) -> Row:
    rollout = None if phase is None else Rollout(phase, "said")
    given: dict[str, Any] = {
        "container": "app",
        "wanted": WANTED,
        "recorded": BEFORE,
        "rollout": rollout,
        "reason": "why",
        "commit": "c0ffee",
    }
    return Row(SPACE, WEB, Kind.DEPLOYMENT, state, **given | more)


def test_a_row_that_is_in_sync_needs_no_words() -> None:
    assert unpatched(row(State.IN_SYNC)) == SyncOutcome(
        SPACE,
        WEB,
        Kind.DEPLOYMENT,
        Deed.UNCHANGED,
        WANTED,
        BEFORE,
        ("app",),
        commit="c0ffee",
    )


@pytest.mark.parametrize(
    ("state", "done"), [(State.MISSING, Deed.MISSING), (State.UNCLEAR, Deed.UNCLEAR)]
)
def test_a_row_that_cannot_be_patched_says_why(state: State, done: Deed) -> None:
    found = unpatched(row(state, container=None))

    assert (found.done, found.reason, found.containers) == (done, "why", ())
    assert found.settled


@pytest.mark.parametrize(
    ("state", "phase", "reason", "settled", "failed"),
    [
        (State.FAILED, Phase.FAILED, "why", False, True),
        (State.FAILED, Phase.PROGRESSING, "why", False, False),
        (State.ROLLING, Phase.PROGRESSING, None, False, False),
        (State.ROLLING, Phase.HALTED, "why", False, False),
        (State.IN_SYNC, Phase.PARTITIONED, "why", True, False),
        (State.IN_SYNC, Phase.COMPLETE, None, True, False),
    ],
)
def test_a_row_that_stands_still_says_why(
    state: State, phase: Phase, reason: str | None, settled: bool, failed: bool
) -> None:
    found = unpatched(row(state, phase))

    assert (found.reason, found.settled, found.failed) == (reason, settled, failed)
    assert found.rollout == (Rollout(phase, "said") if failed else None)
    assert not unpatched(row(State.MISSING, Phase.FAILED)).failed


def test_a_lock_is_held() -> None:
    lock = Lock("shop/web.lock", WEB, at=datetime(2026, 1, 1, tzinfo=UTC))

    assert unpatched(row(State.IN_SYNC, lock=lock)).held
    assert not unpatched(row(State.IN_SYNC)).held


OLD, NEW, LOST = "1" * 40, "2" * 40, "3" * 40
ORDER = {(OLD, NEW): True, (NEW, OLD): False}


@pytest.mark.parametrize(
    ("recorded", "ours", "reason"),
    [
        (None, Followed(NEW, fresh=True), None),
        (NEW, Followed(NEW, fresh=False), None),
        (NEW, Followed(None, fresh=False), None),
        (OLD, Followed(NEW, fresh=False), None),
        (NEW, Followed(OLD, fresh=True, said=True), None),
        (
            NEW,
            Followed(OLD, fresh=True),
            "it records state commit 2222222, which is newer than 1111111",
        ),
        (LOST, Followed(NEW, fresh=True), None),
        (
            LOST,
            Followed(NEW, fresh=False),
            "it records state commit 3333333, which is unknown here",
        ),
    ],
)
def test_a_workload_that_records_a_newer_commit_is_left_alone(
    recorded: str | None, ours: Followed, reason: str | None
) -> None:
    assert reason_to_leave(recorded, ours, lambda a, b: ORDER.get((a, b))) == reason


def test_the_tip_is_what_was_judged() -> None:
    assert Followed(OLD, fresh=True).tip == OLD
    assert Followed(OLD, fresh=True, judged=NEW).tip == NEW
