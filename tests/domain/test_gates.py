"""Gates: how long a version was recorded, and who said yes to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.change.gates import (
    Approver,
    Gate,
    Span,
    approvals_report,
    approvers_of,
    gate_refusals,
    soak_report,
    spans_of,
)
from gitops_cli.domain.change.policy import GateRefused
from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit, FileChange
from gitops_cli.domain.recorded.approvals import Approval, Yes, parse_approval, with_yes
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.domain.version import parse_version

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = (parse_version(letter * 40) for letter in "ab")
assert A is not None
assert B is not None
WEB = ServiceName("web")
STAGING, PROD = EnvironmentName("shop-staging"), EnvironmentName("shop-production")
HOUR = timedelta(hours=1)


def change(new: str | None, old: str | None, hours_ago: float, who: str = "ann") -> FileChange:
    at = NOW - hours_ago * HOUR
    author = Actor(who.title(), f"{who}@example.com")
    commit = Commit(f"{who}-{hours_ago}", (), author, at, at, "subject")
    return FileChange("x", commit, *(None if c is None else c.encode() for c in (old, new)))


def file(version: object, *who: str) -> str:
    return Approval("x", WEB, version, tuple(Yes(w, "t") for w in who)).text()  # type: ignore[arg-type]


def test_a_span_goes_from_the_commit_that_brought_a_version_to_the_one_that_replaced_it():
    a, b = f"{A}\n", f"{B}\n"
    past = [change(a, b, 1), change(b, a, 3), change(a, None, 10)]
    assert list(spans_of(past, A)) == [
        Span(NOW - HOUR, None),
        Span(NOW - 10 * HOUR, NOW - 3 * HOUR),
    ]
    assert list(spans_of(past, B)) == [Span(NOW - 3 * HOUR, NOW - HOUR)]


def test_a_digest_that_was_added_does_not_begin_the_time_anew():
    pinned = f"{A}@sha256:{'0' * 64}\n"
    past = [change(pinned, f"{A}\n", 1), change(f"{A}\n", None, 5)]
    assert [span.length(NOW) for span in spans_of(past, A)] == [5 * HOUR]
    assert [span.length(NOW) for span in spans_of(past, parse_version(pinned.strip()))] == [
        5 * HOUR
    ]


def test_another_digest_is_another_image():
    ran, comes = (f"{A}@sha256:{digit * 64}" for digit in "01")
    assert list(spans_of([change(ran, None, 5)], parse_version(comes))) == []


def test_white_space_or_nonsense_in_between_ends_a_span():
    past = [change(f"{A}\n", "?\n", 1), change("?\n", f"{A}\n", 2), change(f"{A}\n", None, 5)]
    assert [span.length(NOW) for span in spans_of(past, A)] == [HOUR, 3 * HOUR]


def test_a_clock_ahead_of_ours_is_no_time_at_all():
    assert Span(NOW + HOUR, None).length(NOW) == timedelta()


@pytest.mark.parametrize(
    ("hours", "passes", "says", "hint"),
    [
        (1.5, False, "1h30m of 2h00m in shop-staging", "wait 30m"),
        (2, True, "2h00m of 2h00m in shop-staging", "wait 0s"),
        (50, True, "2d of 2h00m in shop-staging", "wait 0s"),
    ],
)
def test_a_soak_is_the_longest_time_at_a_stretch(hours, passes, says, hint):
    rules = StageRules("production", soak=7200.0)
    spans = [(STAGING, Span(NOW - HOUR / 2, NOW)), (STAGING, Span(NOW - hours * HOUR, None))]
    report = soak_report(WEB, A, rules, spans, NOW)
    assert (report.passes, report.says, report.hint) == (passes, says, hint)


def test_what_was_never_in_the_stage_before_has_not_soaked():
    report = soak_report(WEB, A, StageRules("production", soak=60.0), [], NOW)
    assert (report.passes, report.says) == (False, "was not recorded in the stage before")


def test_nobody_is_told_to_wait_for_what_is_no_longer_there():
    spans = [(STAGING, Span(NOW - 3 * HOUR, NOW - 2 * HOUR))]
    assert soak_report(WEB, A, StageRules("production", soak=7200.0), spans, NOW).hint == ""


def test_each_commit_that_adds_a_yes_to_the_version_counts():
    past = [
        change(file(A, "ann", "bob"), file(A, "ann"), 1, "bob"),
        change(file(A, "ann"), file(B, "eve"), 2, "ann"),
        change(file(B, "eve"), None, 3, "eve"),
    ]
    assert [who.name for who in approvers_of(past, WEB, A)] == ["Bob", "Ann"]
    assert list(approvers_of(past, WEB, B)) == []


def test_a_yes_from_before_another_version_is_void():
    past = [
        change(file(A, "bob"), file(B, "bob"), 1, "bob"),
        change(file(B, "bob"), file(A, "ann"), 2, "bob"),
        change(file(A, "ann"), None, 3, "ann"),
    ]
    assert [who.name for who in approvers_of(past, WEB, A)] == ["Bob"]


def test_a_yes_that_somebody_took_out_of_the_file_is_none():
    both, one = file(A, "ann", "bob"), file(A, "ann")
    past = [
        change(one, both, 2, "ann"),
        change(both, one, 3, "bob"),
        change(one, None, 4, "ann"),
    ]
    assert [who.name for who in approvers_of(past, WEB, A)] == ["Ann"]
    restored = [change(both, one, 1, "eve"), *past]
    assert [who.name for who in approvers_of(restored, WEB, A)] == ["Eve", "Ann"]


@pytest.mark.parametrize(
    "past",
    [
        [change(file(A, "ann"), file(A, "ann", "bob"), 1, "bob"), change(file(A), None, 2)],
        [change(None, file(A, "ann"), 1)],
        [change("version = 7", None, 1)],
        [],
    ],
    ids=["taken away", "gone", "unreadable", "never"],
)
def test_what_adds_no_entry_is_no_yes(past):
    assert list(approvers_of(past, WEB, A)) == []


ANN, BOB = (Approver(n.title(), f"{n}@example.com", n) for n in ("ann", "bob"))


@pytest.mark.parametrize(
    ("approvers", "writer", "needed", "passes", "says"),
    [
        ([ANN], "bob@example.com", 1, True, "1 of 1 approval: Ann"),
        ([ANN], "ANN@example.com", 1, False, "0 of 1 approval (your own does not count)"),
        ([ANN, ANN], None, 2, False, "1 of 2 approvals: Ann"),
        ([ANN, BOB], None, 2, True, "2 of 2 approvals: Ann, Bob"),
        ([], "bob@example.com", 1, False, "0 of 1 approval"),
    ],
)
def test_approvals_are_of_others_each_once(approvers, writer, needed, passes, says):
    rules = StageRules("production", approvals=needed)
    report = approvals_report(WEB, A, rules, approvers, writer=writer, target=PROD)
    assert (report.passes, report.says) == (passes, says)
    assert report.hint == f"somebody else: gitops approve {PROD} web={A}"


def test_signed_approvals_count_signers_and_not_names():
    rules = StageRules("production", approvals=1, signed_approvals=True)
    plain = approvals_report(WEB, A, rules, [ANN], writer=None, target=PROD)
    assert not plain.passes
    assert "no signature you trust" in plain.says
    signed = [ANN._replace(signer="ann"), BOB._replace(signer="Ann")]
    report = approvals_report(WEB, A, rules._replace(approvals=2), signed, writer=None, target=PROD)
    assert (report.passes, report.says) == (False, "1 of 2 approvals: Ann")


@pytest.mark.parametrize("pattern", ["*", "*@example.com", "???@example.com"])
def test_whom_a_pattern_trusts_are_as_many_as_their_commits_say(pattern):
    rules = StageRules("production", approvals=2, signed_approvals=True)
    signed = [who._replace(signer=pattern) for who in (ANN, BOB, BOB)]
    report = approvals_report(WEB, A, rules, signed, writer=None, target=PROD)
    assert (report.passes, report.says) == (True, "2 of 2 approvals: Ann, Bob")


@pytest.mark.parametrize(
    "signer", ["bob@example.com", "Bob <BOB@example.com>", "eve@example.com,Bob@example.com"]
)
def test_whoever_signs_in_anothers_name_is_still_the_one_who_writes(signer):
    rules = StageRules("production", approvals=1, signed_approvals=True)
    posed = [ANN._replace(signer=signer)]
    report = approvals_report(WEB, A, rules, posed, writer="bob@example.com", target=PROD)
    assert (report.passes, report.says) == (False, "0 of 1 approval (your own does not count)")


def test_a_refusal_names_the_line_of_the_key_and_how_to_pass():
    rules = StageRules("production", soak=7200.0, lines={"soak": 4})
    reports = [soak_report(WEB, A, rules, [], NOW)]
    [refusal] = gate_refusals(reports, rules, PROD)
    assert refusal.error.message == (
        "gitops.toml:4: web aaaaaaa may not come to shop-production yet: "
        "soak was not recorded in the stage before"
    )
    assert refusal.error.hint == 'promote it there first; or --override-policy -m "why"'
    assert isinstance(refusal.error, GateRefused)
    assert (refusal.error.beside, refusal.error.way) == (
        "gitops.toml:4: web aaaaaaa: soak was not recorded in the stage before",
        "promote it there first",
    )
    passing = [reports[0]._replace(passes=True)]
    assert list(gate_refusals(passing, rules, PROD)) == []
    assert reports[0].gate is Gate.SOAK


def test_an_approval_reads_as_it_was_written():
    once = with_yes(None, Approval("x", WEB, A), 'Ann "A" <a@x>', NOW)
    twice = with_yes(once, Approval("x", WEB, A), "Bob\n<b@x>", NOW)
    assert parse_approval("x", WEB, twice.text().encode()) == twice
    assert [yes.at for yes in twice.given] == ["2026-03-01T12:00:00Z"] * 2
    assert with_yes(twice, Approval("x", WEB, B), "Eve", NOW).given == (
        Yes("Eve", "2026-03-01T12:00:00Z"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"x", "not TOML"),
        (b"\xff", "not TOML"),
        (b"", "`version` is not a version"),
        (b'version = "../x"', "`version` is not a version"),
        (b"version = 7", "`version` is not a version"),
        (b'version = "v1"\napproved = 3', "`approved` is not a list of tables"),
        (b'version = "v1"\napproved = [3]', "`approved` is not a list of tables"),
    ],
)
def test_an_approval_that_cannot_be_read_approves_nothing(text, problem):
    found = parse_approval("x", WEB, text)
    assert problem in (found.problem or "")
    assert found.version is None
