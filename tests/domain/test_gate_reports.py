"""What each gate reports, as a whole value, and the refusal that it makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.change.gates import (
    Approver,
    Gate,
    Report,
    Span,
    approvals_report,
    approvers_of,
    gate_refusals,
    is_same,
    signed_report,
    soak_report,
    spans_of,
)
from gitops_cli.domain.change.policy import GateRefused, Override
from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit, FileChange
from gitops_cli.domain.recorded.approvals import Approval, Yes, parse_approval, with_yes
from gitops_cli.domain.recorded.signed import KeyFile, Signed, Signer, Vouching
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.domain.version import Version

NOW, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
A, B = Version("a" * 40), Version("b" * 40)
WEB = ServiceName("web")
CAROL = Signer("carol@example.com", "https://oidc")
QA, STAGING, PROD = (EnvironmentName(f"shop-{stage}") for stage in ("qa", "staging", "production"))
PLAIN = StageRules("production")


def change(new: bytes | None, old: bytes | None, hours: float) -> FileChange:
    author, later = NOW - 9 * HOUR, NOW - hours * HOUR
    made = Commit(f"c{hours}", (), Actor("Ann", "ann@x"), author, later, "subject")
    return FileChange("p/web.approval", made, old, new)


# --- spans


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (A, A, True),
        (A, B, False),
        (A, A._replace(digest=ONE), True),
        (A._replace(digest=ONE), A, True),
        (A._replace(digest=ONE), A._replace(digest=ONE), True),
        (A._replace(digest=ONE), A._replace(digest=TWO), False),
        (A._replace(digest=ONE), B._replace(digest=ONE), False),
    ],
)
def test_when_two_versions_may_be_one_image(one: Version, other: Version, same: bool) -> None:
    assert is_same(one, other) is same


def test_spans_are_each_told_once_and_end_where_the_next_change_is() -> None:
    a, b = f" {A}\r\n".encode(), f"{B}\n".encode()
    again = f"{A}@{ONE}\n".encode()
    past = [
        *(change(a, b, 1), change(b, again, 2), change(again, a, 3), change(a, None, 4)),
        *(change(None, a, 6), change(b"\xff", b, 7), change(a, b, 8)),
    ]
    assert list(spans_of(past, A)) == [
        Span(NOW - HOUR, None),
        Span(NOW - 4 * HOUR, NOW - 2 * HOUR),
        Span(NOW - 8 * HOUR, NOW - 7 * HOUR),
    ]
    assert list(spans_of(past[1:2], B)) == [Span(NOW - 2 * HOUR, None)]
    assert list(spans_of([], A)) == []
    assert list(spans_of([change(None, a, 1)], A)) == []


def test_how_long_a_span_is() -> None:
    assert Span(NOW - HOUR, None).length(NOW) == HOUR
    assert Span(NOW - 3 * HOUR, NOW - HOUR).length(NOW) == 2 * HOUR
    assert Span(NOW, NOW - HOUR).length(NOW) == timedelta()


# --- who said yes


@pytest.mark.parametrize(
    ("signer", "address", "by"),
    [
        (None, "ann@x", True),
        (None, "ANN@X", True),
        (None, "bob@x", False),
        (None, None, False),
        ("bob@x", "bob@x", True),
        ("Bob <Bob@x>", "bob@X", True),
        ("Bob <bob@x>", "ann@x", True),
        ("Bob <bob@x>", "Bob", False),
        (None, "", True),
    ],
)
def test_whose_an_approval_is(signer: str | None, address: str | None, by: bool) -> None:
    assert Approver("Ann", "Ann@x", "c", signer).is_by(address) is by


def test_only_a_commit_that_adds_an_entry_is_a_yes_and_its_origin_gave_it() -> None:
    def file(version: Version, *who: str) -> bytes:
        return Approval("x", WEB, version, tuple(Yes(w) for w in who)).text().encode()

    origin = Commit("o", (), Actor("Bob", "bob@x"), NOW, NOW, "subject")
    past = [
        change(file(A, "1", "2", "3"), file(A, "1", "2"), 1)._replace(origin=origin),
        change(file(A, "3", "2"), file(A, "1", "2"), 2),
        change(file(A, "1", "2"), b"nonsense", 3),
        change(file(A, "1"), file(A, "1", "2"), 4),
        change(file(A, "1"), None, 5),
        change(file(B, "1"), None, 6),
        change(file(A, "1"), None, 7),
    ]
    ann = Approver("Ann", "ann@x", "c3")
    assert list(approvers_of(past, WEB, A)) == [
        Approver("Bob", "bob@x", "o", None),
        ann,  # who wrote again what stood there before
    ]
    assert list(approvers_of(past, WEB, A._replace(digest=ONE))) == []
    assert list(approvers_of([change(file(A), None, 1)], WEB, A)) == []
    given = [change(file(A, "1"), file(B, "1", "2"), 1)]
    assert list(approvers_of(given, WEB, A)) == [ann._replace(commit="c1")]


# --- reports


@pytest.mark.parametrize(
    ("spans", "passes", "says", "hint"),
    [
        ([], False, "was not recorded in the stage before", "promote it there first"),
        ([(QA, Span(NOW - HOUR, None))], False, "1h00m of 2h00m in shop-qa", "wait 1h00m"),
        ([(QA, Span(NOW - 3 * HOUR, NOW - 2 * HOUR))], False, "1h00m of 2h00m in shop-qa", ""),
        (
            [(QA, Span(NOW - HOUR, None)), (STAGING, Span(NOW - 6 * HOUR, NOW - 4 * HOUR))],
            *(True, "2h00m of 2h00m in shop-staging", ""),
        ),
        (
            [(QA, Span(NOW - timedelta(seconds=7199), None))],
            *(False, "1h59m of 2h00m in shop-qa", "wait 1s"),
        ),
    ],
)
def test_what_a_soak_reports(
    spans: list[tuple[EnvironmentName, Span]], passes: bool, says: str, hint: str
) -> None:
    report = soak_report(WEB, A, PLAIN._replace(soak=7200.0), spans, NOW)
    assert report == Report(Gate.SOAK, WEB, A, passes, says, hint, "", None)


def test_without_a_soak_any_time_is_enough() -> None:
    report = soak_report(WEB, A, PLAIN, [(QA, Span(NOW, None))], NOW)
    assert report == Report(Gate.SOAK, WEB, A, True, "0s of 0s in shop-qa", "wait 0s")


ANN, BOB = Approver("Ann", "ann@x", "1"), Approver("Bob", "bob@x", "2")
AL, SIGNED = ANN._replace(email="ANN@x", name="Al"), ANN._replace(signer="k")
UNSIGNED = " (what has no signature you trust does not count)"
OWN = " (your own does not count)"


@pytest.mark.parametrize(
    ("signed", "needed", "approvers", "writer", "passes", "says"),
    [
        (False, 0, [], None, True, "0 of 0 approvals"),
        (False, 2, [BOB, ANN], None, True, "2 of 2 approvals: Ann, Bob"),
        (False, 1, [BOB, ANN], "ann@x", True, "1 of 1 approval: Bob"),
        (False, 2, [BOB, ANN], "ann@x", False, f"1 of 2 approvals: Bob{OWN}"),
        (False, 2, [BOB], "ann@x", False, "1 of 2 approvals: Bob"),
        (False, 2, [ANN, AL], None, False, "1 of 2 approvals: Ann"),
        (False, 1, [ANN._replace(name="A\x1bn")], None, True, r"1 of 1 approval: A\x1bn"),
        (True, 1, [ANN], None, False, f"0 of 1 approval{UNSIGNED}"),
        (True, 1, [ANN], "ann@x", False, f"0 of 1 approval{UNSIGNED}"),
        (True, 1, [ANN, BOB._replace(signer="k")], None, True, "1 of 1 approval: Bob"),
        (True, 2, [ANN, BOB._replace(signer="k")], None, False, f"1 of 2 approvals: Bob{UNSIGNED}"),
        (True, 1, [ANN._replace(signer="k")], "ann@x", False, f"0 of 1 approval{OWN}"),
        (True, 2, [SIGNED, BOB._replace(signer="K")], None, False, "1 of 2 approvals: Ann"),
    ],
)
def test_what_approvals_report(
    signed: bool,
    needed: int,
    approvers: list[Approver],
    writer: str | None,
    passes: bool,
    says: str,
) -> None:
    rules = PLAIN._replace(approvals=needed, signed_approvals=signed)
    pinned = A._replace(digest=ONE)
    report = approvals_report(WEB, pinned, rules, approvers, writer=writer, target=PROD)
    hint = f"somebody else: gitops approve shop-production web={pinned}"
    assert report == Report(Gate.APPROVALS, WEB, pinned, passes, says, hint, "", None)


@pytest.mark.parametrize(
    ("signed", "judged", "says", "hint"),
    [
        (
            *(Signed(KeyFile("k.pub")), None),
            "has no digest that could be checked, and that could not move afterwards",
            "--pin records it",
        ),
        (Signed(KeyFile("k.pub"), "slsa"), Vouching(True), "has one of k.pub", ""),
        (Signed(CAROL), Vouching(True, "x"), "has one of carol@example.com (https://oidc)", ""),
        (
            *(Signed(KeyFile("k.pub")), Vouching(False)),
            f"there is no signature of k.pub for {ONE}",
            "`cosign sign --key … IMAGE@DIGEST`",
        ),
        (
            *(Signed(KeyFile("k.pub"), "slsa"), Vouching(False)),
            f"there is no attestation slsa of k.pub for {ONE}",
            "`cosign attest --type slsa --key … IMAGE@DIGEST`",
        ),
        (
            *(Signed(CAROL), Vouching(False, "of bob")),
            f"there is no signature of carol@example.com (https://oidc) for {ONE}: of bob",
            "`cosign sign IMAGE@DIGEST` as carol@example.com",
        ),
        (
            *(Signed(CAROL, "slsa"), Vouching(False)),
            f"there is no attestation slsa of carol@example.com (https://oidc) for {ONE}",
            "`cosign attest --type slsa IMAGE@DIGEST` as carol@example.com",
        ),
    ],
)
def test_what_a_signature_reports(
    signed: Signed, judged: Vouching | None, says: str, hint: str
) -> None:
    pinned = A._replace(digest=ONE)
    report = signed_report(Gate.ATTESTATION, WEB, pinned, signed, judged)
    passes = judged is not None and judged.good
    assert report == Report(Gate.ATTESTATION, WEB, pinned, passes, says, hint)


# --- refusals


NOT_YET = "web aaaaaaa may not come to shop-production yet"
REPORT = Report(Gate.CHECK, WEB, A, False, "said no")


@pytest.mark.parametrize(
    ("report", "message", "hint"),
    [
        (
            REPORT,
            f"gitops.toml:8: {NOT_YET}: check said no",
            "",
        ),
        (
            REPORT._replace(name="smoke", line=3, hint="mend it"),
            f"gitops.toml:3: {NOT_YET}: check smoke said no",
            "mend it; or ",
        ),
        (
            REPORT._replace(gate=Gate.SOAK),
            f"gitops.toml:1: {NOT_YET}: soak said no",
            "",
        ),
    ],
)
def test_what_a_gate_refuses(report: Report, message: str, hint: str) -> None:
    passing = report._replace(passes=True)
    rules = PLAIN._replace(lines={"check": 8})
    [refusal] = gate_refusals([passing, report, passing], rules, PROD)
    assert type(refusal.error) is GateRefused
    assert (refusal.error.message, refusal.error.hint, refusal.override) == (
        message,
        f'{hint}--override-policy -m "why"',
        Override.POLICY,
    )
    assert len(list(gate_refusals([report, report], rules, PROD))) == 2


def test_what_gates_are_called() -> None:
    assert [gate.value for gate in Gate] == [
        *("soak", "approvals", "check", "signature", "attestation")
    ]
    assert (REPORT.label, REPORT._replace(name="a").label) == ("check", "check a")


# --- the file of approvals


TEXT = f"""version = "{A}"

[[approved]]
by = "Ann"
at = "2026-03-01T12:00:00Z"

[[approved]]
by = "Bob"
at = ""
"""
NOTHING = Approval("p", WEB)


def test_the_file_of_an_approval_to_the_letter() -> None:
    approval = Approval("p", WEB, A, (Yes("Ann", "2026-03-01T12:00:00Z"), Yes("Bob")))
    assert approval.text() == TEXT
    assert parse_approval("p", WEB, TEXT.encode()) == approval
    assert Approval("p", WEB, A).text() == f'version = "{A}"\n'
    assert (approval.names(A), approval.names(B), approval.names(A._replace(digest=ONE))) == (
        *(True, False, False),
    )
    assert Approval("p", WEB, None, (), None) == NOTHING


@pytest.mark.parametrize(
    ("existing", "new", "given"),
    [
        (None, A, ()),
        (Approval("q", WEB, A, (Yes("Bob", "t"),)), A, (Yes("Bob", "t"),)),
        (Approval("q", WEB, B, (Yes("Bob", "t"),)), A, ()),
        (Approval("q", WEB, None, (Yes("Bob", "t"),)), None, ()),
    ],
)
def test_one_more_yes(
    existing: Approval | None, new: Version | None, given: tuple[Yes, ...]
) -> None:
    wanted = Approval("p", WEB, new, (Yes("nobody"),))
    assert with_yes(existing, wanted, "Ann", NOW) == Approval(
        "p", WEB, new, (*given, Yes("Ann", "2026-03-01T12:00:00Z"))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('version = "v1"', NOTHING._replace(version=Version("v1"))),
        (
            'version = "v1"\n[[approved]]\n[[approved]]\nby = 7\nat = 2026-03-01',
            Approval("p", WEB, Version("v1"), (Yes("", ""), Yes("7", "2026-03-01"))),
        ),
        ("", NOTHING._replace(problem="`version` is not a version")),
        ('version = "a b"', NOTHING._replace(problem="`version` is not a version")),
        ("version = 1", NOTHING._replace(problem="`version` is not a version")),
        *(
            (
                f'version = "v1"\napproved = {value}',
                NOTHING._replace(problem="`approved` is not a list of tables"),
            )
            for value in ('"x"', "[{}, 1]", "{}")
        ),
    ],
)
def test_how_an_approval_is_read(text: str, expected: Approval) -> None:
    assert parse_approval("p", WEB, text.encode()) == expected


def test_an_approval_is_no_longer_than_it_may_be() -> None:
    start = b'version = "v1"\n#'
    longest = start + b"x" * (4096 - len(start))
    assert parse_approval("p", WEB, longest) == NOTHING._replace(version=Version("v1"))
    found = parse_approval("p", WEB, longest + b"x")
    assert found == NOTHING._replace(problem=found.problem)
    assert (found.problem or "").startswith("not TOML: ")
