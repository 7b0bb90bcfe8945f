"""What each rule says when it refuses, and whom it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.intent import (
    selected_to_copy,
    spoiled,
    unreadable,
    version_path,
)
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import (
    GateRefused,
    Origin,
    Override,
    Refusal,
    Unconfirmed,
    enforce,
    frozen,
    locked,
    moment,
    need_confirmation,
    need_reason,
    needs_review,
    wrong_branch,
    wrong_form,
    wrong_source,
)
from gitops_cli.domain.change.rules import Ask, Case, obeyed, refusals
from gitops_cli.domain.errors import (
    ExpectationFailed,
    GitOpsError,
    InvalidState,
    StaleBuild,
    UnknownService,
    UsageError,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.freeze import parse_freeze
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.stages import Place, place_of
from gitops_cli.domain.recorded.team import Mode, StageRules, TeamSettings, VersionForm
from gitops_cli.domain.version import Version

A, B = Version("a" * 40), Version("b" * 40)
WEB, DB = ServiceName("web"), ServiceName("db")
PROD, STAGING = EnvironmentName("shop-production"), EnvironmentName("shop-staging")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
LINES = {"freeze": 3, "mode": 4, "promote_from": 5, "branches": 6}
WINDOW = parse_freeze("Mon 00:00 - Tue 08:00 UTC")
RULES = StageRules(
    "production",
    promote_from=("staging", "qa"),
    freeze=(WINDOW,),
    mode=Mode.PR,
    branches=("main", "release-*"),
    lines=LINES,
)
TEAM = TeamSettings(rules={"production": RULES})
PLACE, FROM = place_of(PROD, TEAM), place_of(EnvironmentName("shop-development"), TEAM)


def environment(**files: str) -> Environment:
    """Return an environment of `web_deployment="hash"` files; `_lock` is its own."""
    raw = [RawFile(f"{PROD}/images_path", b"r/\n")]
    for name, content in files.items():
        raw.append(RawFile(f"{PROD}/{name.replace('_', '.')}", content.encode()))
    return parse_environment_files(PROD, raw)


def said(found: Iterator[Refusal]) -> tuple[str, str | None, str, Override | None]:
    """Return message, hint, code and override of the only refusal."""
    [refusal] = found
    error = refusal.error
    return error.message, error.hint, error.code, refusal.override


def test_a_lock_of_a_service() -> None:
    by = 'by = "Ada"\nuntil = 2026-11-24T08:00:00Z\nreason = "testing"\n'

    assert said(locked(environment(web_lock=by), [WEB, DB], NOW)) == (
        (
            "shop-production/web.lock:1: web in shop-production is locked by Ada "
            "until Tue 2026-11-24 08:00 UTC: testing"
        ),
        '`gitops unlock web -e shop-production`, or --override-lock -m "why"',
        "locked",
        Override.LOCK,
    )
    assert list(locked(environment(web_lock=by), [DB], NOW)) == []
    assert list(locked(environment(web_lock=by), [WEB], datetime(2026, 11, 25, tzinfo=UTC))) == []


def test_a_lock_of_the_environment_comes_first() -> None:
    both = environment(_lock="", web_lock="by = 1")

    whole, web = locked(both, [WEB], NOW)
    assert whole.error.message == ("shop-production/.lock:1: all of shop-production is locked")
    assert whole.error.hint == ('`gitops unlock -e shop-production`, or --override-lock -m "why"')
    assert web.error.message == (
        "shop-production/web.lock:1: web in shop-production is locked "
        "(the lock cannot be read: `by` is not a text)"
    )


def test_a_freeze() -> None:
    assert said(frozen(PLACE, RULES, NOW)) == (
        (
            "gitops.toml:3: production is frozen until Tue 2026-11-24 08:00 UTC "
            "(`Mon 00:00 - Tue 08:00 UTC`)"
        ),
        'wait, or --override-freeze -m "why"; `gitops rollback` is never frozen',
        "frozen",
        Override.FREEZE,
    )


def test_a_stage_that_promotions_may_not_come_from() -> None:
    assert said(wrong_source(FROM, PLACE, RULES)) == (
        "gitops.toml:5: production takes promotions from staging or qa, not from development",
        '--from staging, or --override-policy -m "why"',
        "policy",
        Override.POLICY,
    )
    none = RULES._replace(promote_from=(), lines={})
    assert said(wrong_source(FROM, PLACE, none))[:2] == (
        "gitops.toml:1: production takes promotions from nowhere, not from development",
        '--override-policy -m "why"',
    )
    assert list(wrong_source(FROM, PLACE, RULES._replace(promote_from=None))) == []
    assert list(wrong_source(place_of(STAGING, TEAM), PLACE, RULES)) == []


def test_a_branch_that_is_not_recorded() -> None:
    assert said(wrong_branch(Origin("feature\x1b"), PLACE, RULES)) == (
        (
            "gitops.toml:6: shop-production records commits of main, release-*, "
            r"this is the branch `feature\x1b`"
        ),
        'build that branch (GITOPS_BRANCH says what is built), or --override-policy -m "why"',
        "policy",
        Override.POLICY,
    )
    assert said(wrong_branch(Origin(), PLACE, RULES))[0].endswith(
        "this is a commit of which nobody knows that one of them holds it"
    )
    asked = Origin(request="pull request 7", is_on=lambda globs: True)
    assert said(wrong_branch(asked, PLACE, RULES))[0].endswith(
        "this is pull request 7, not merged yet"
    )
    held = Origin(is_on=lambda globs: globs == RULES.branches)
    assert list(wrong_branch(held, PLACE, RULES)) == []
    for branch in ("main", "release-1"):
        assert list(wrong_branch(Origin(branch), PLACE, RULES)) == []
    assert list(wrong_branch(Origin(), PLACE, RULES._replace(branches=()))) == []


def test_a_stage_that_is_changed_by_requests() -> None:
    assert said(needs_review(PLACE, RULES)) == (
        "gitops.toml:4: production is changed by pull requests",
        ('--pr pushes the branch for one; or --override-policy -m "why" to write it at once'),
        "policy",
        Override.POLICY,
    )
    assert list(needs_review(PLACE, RULES._replace(mode=Mode.PUSH))) == []


def test_a_version_that_is_no_full_hash() -> None:
    assert said(wrong_form(WEB, Version("v1", "sha256:" + "0" * 64), TEAM)) == (
        "web: `v1` is not a full commit hash",
        (
            "give all 40 digits (`git rev-parse HEAD`), or agree on other tags in gitops.toml: "
            '[versions] form = "any"'
        ),
        "policy",
        None,
    )
    assert list(wrong_form(WEB, A, TEAM)) == []
    assert list(wrong_form(WEB, Version("v1"), TEAM._replace(version_form=VersionForm.ANY))) == []


def test_the_flags_that_accept_a_danger() -> None:
    assert {override: override.flag for override in Override} == {
        Override.LOCK: "--override-lock",
        Override.FREEZE: "--override-freeze",
        Override.POLICY: "--override-policy",
        Override.OLDER: "--allow-older",
    }


def test_an_override_of_a_rule_needs_a_reason() -> None:
    with pytest.raises(UsageError) as error:
        need_reason([Override.POLICY, Override.LOCK, Override.OLDER], " ")
    assert (error.value.message, error.value.hint) == (
        "--override-lock needs a reason",
        'add -m "why"',
    )
    need_reason([Override.OLDER], None)
    need_reason([Override.LOCK], "why")
    need_reason([], None)


def test_a_protected_stage_is_confirmed() -> None:
    protected = RULES._replace(protected=True)

    with pytest.raises(Unconfirmed) as error:
        need_confirmation(PROD, protected, confirmed=None, reason="why")
    assert error.value.message == "shop-production is protected"
    assert error.value.hint == '--confirm shop-production -m "why" confirms it'
    assert (error.value.environment, error.value.code) == (PROD, "unconfirmed")
    for confirmed, reason in ((STAGING, "why"), (PROD, " "), (PROD, None), (PROD, "")):
        with pytest.raises(Unconfirmed):
            need_confirmation(PROD, protected, confirmed=confirmed, reason=reason)
    need_confirmation(PROD, protected, confirmed=PROD, reason="why")
    need_confirmation(PROD, RULES, confirmed=None, reason=None)


def test_a_moment_for_people() -> None:
    assert moment(NOW) == "Mon 2026-11-23 12:00 UTC"
    assert moment(NOW.replace(tzinfo=None)) == "Mon 2026-11-23 12:00"


def test_what_is_overridden_is_returned_once_and_in_order() -> None:
    lock, policy = (Refusal(StaleBuild("x"), o) for o in (Override.LOCK, Override.POLICY))

    both = [Override.POLICY, Override.LOCK, Override.OLDER]
    assert enforce([policy, lock, policy], both) == (Override.LOCK, Override.POLICY)
    assert enforce([]) == ()
    with pytest.raises(StaleBuild):
        enforce([lock, policy], [Override.LOCK])
    with pytest.raises(StaleBuild):
        enforce([Refusal(StaleBuild("x"), None)], both)


def gate(number: int, way: str = "") -> Refusal:
    error = GateRefused(f"gate {number} says no", beside=f"{number}, too", way=way)
    return Refusal(error, Override.POLICY)


def told(*refusals: Refusal, overrides: Sequence[Override] = ()) -> tuple[str, str | None]:
    with pytest.raises(GitOpsError) as raised:
        enforce(iter(refusals), overrides)
    return raised.value.message, raised.value.hint


POLICY = '--override-policy -m "why"'


def test_gates_that_refuse_are_told_together() -> None:
    assert told(gate(1)) == ("gate 1 says no", POLICY)
    assert told(gate(1, "wait"), gate(2, "ask Ann")) == (
        "gate 1 says no; 2, too",
        f"wait; ask Ann; or {POLICY}",
    )
    assert told(gate(1, "wait"), gate(2, "wait"), gate(3)) == (
        "gate 1 says no; 2, too; 3, too",
        f"wait; or {POLICY}",
    )
    with pytest.raises(GateRefused) as both:
        enforce([gate(1, "wait"), gate(2)])
    assert (both.value.beside, both.value.way) == ("", "wait")
    ways = [gate(number, f"way {number}") for number in range(1, 5)]
    assert told(*ways)[1] == f"way 1; way 2; way 3; or {POLICY}"
    others = "".join(f"; {number}, too" for number in range(2, 11))
    assert told(*map(gate, range(1, 11)))[0] == f"gate 1 says no{others}"
    assert told(*map(gate, range(1, 13)))[0] == f"gate 1 says no{others}; and 2 more"


def test_gates_are_told_without_what_is_no_gate() -> None:
    lock, stale = Refusal(StaleBuild("a lock"), Override.LOCK), Refusal(StaleBuild("old"), None)
    assert told(stale, gate(1)) == ("old", None)
    assert told(gate(1), stale, gate(2)) == ("gate 1 says no", POLICY)
    assert told(gate(1), lock, gate(2), overrides=[Override.LOCK])[0] == "gate 1 says no; 2, too"
    assert enforce([gate(1), lock], list(Override)) == (Override.LOCK, Override.POLICY)
    refused: list[GateRefused] = []
    with pytest.raises(GateRefused):
        enforce([gate(1), gate(2)], [], refused)
    assert [one.beside for one in refused] == ["1, too", "2, too"]


# --- the table


EVERYTHING = environment(web_deployment=str(A), web_lock="")
CHANGES = (Change(WEB, A, B),)


def asked(changes: Sequence[Change]) -> Iterator[Refusal]:
    assert changes == CHANGES
    yield Refusal(ExpectationFailed("asked"), None)


def case(verb: Verb, **more: Any) -> Case:
    given: dict[str, Any] = {
        "wanted": {WEB: Version("v1")},
        "source": FROM.environment,
        "by_branch": True,
        "origin": Origin("feature"),
        "asked": {"expect": asked, "stale build": asked, "require": asked},
    }
    return Case(verb, TEAM, EVERYTHING, CHANGES, NOW, **given | more)


def words(of: Case) -> list[str]:
    """Return the first word that tells each refusal from the others."""
    told = ("full commit hash", "pull requests", "takes", "records", "frozen", "locked", "asked")
    return [next(word for word in told if word in r.error.message) for r in refusals(of)]


FORM, MODE, TAKES, BRANCH, FROZEN, LOCKED, ASKED = (
    *("full commit hash", "pull requests", "takes", "records", "frozen", "locked", "asked"),
)


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        (Verb.SET, [FORM, MODE, BRANCH, FROZEN, LOCKED, ASKED, ASKED]),
        (Verb.PROMOTE, [FORM, MODE, TAKES, FROZEN, LOCKED, ASKED]),
        (Verb.ENV, [FORM, MODE, TAKES, FROZEN, ASKED]),
        (Verb.ROLLBACK, [LOCKED]),
        (Verb.CAPTURE, [MODE, LOCKED]),
        (Verb.LOCK, []),
    ],
)
def test_which_rules_hold_a_writer_up_and_in_which_order(verb: Verb, expected: list[str]) -> None:
    assert words(case(verb)) == expected
    assert words(case(verb)._replace(changes=())) == [w for w in expected if w == FORM]


GATED = ("soak", "approvals", "manifests", "signature", "attestation", "require", "check")


@pytest.mark.parametrize(
    ("refusing", "named"),
    [
        (GATED, ["soak", "approvals", "manifests"]),
        (("manifests", "check"), ["manifests"]),
        (GATED[3:], ["signature", "attestation"]),
        (("attestation", "check"), ["attestation"]),
        (GATED[5:], ["require", "check"]),
        (("check",), ["check"]),
        ((), []),
    ],
)
def test_what_costs_more_than_a_gate_that_refuses_is_not_asked(
    refusing: Sequence[str], named: Sequence[str]
) -> None:
    where: list[str] = []

    def asking(name: str) -> Ask:
        def ask(changes: Sequence[Change]) -> Iterator[Refusal]:
            where.append(name)
            if name in refusing:
                yield Refusal(GateRefused(name, beside=name, way=""), Override.POLICY)

        return ask

    all_asked = {name: asking(name) for name in GATED}
    plain = environment(web_deployment=str(A))
    of = Case(Verb.PROMOTE, TeamSettings(), plain, CHANGES, NOW, asked=all_asked)
    if not named:
        assert obeyed(of, ()) == ()
    else:
        with pytest.raises(GateRefused) as raised:
            obeyed(of, ())
        assert raised.value.message == "; ".join(named)
    assert [name for name in where if name in refusing] == list(named)
    where.clear()
    assert obeyed(of, [Override.POLICY]) == ((Override.POLICY,) if refusing else ())
    assert where == list(GATED)


def test_a_rule_is_asked_only_where_it_can_matter() -> None:
    assert MODE not in words(case(Verb.SET, reviewed=True))
    assert TAKES not in words(case(Verb.PROMOTE, source=None))
    assert BRANCH not in words(case(Verb.SET, by_branch=False))
    assert ASKED not in words(case(Verb.SET, asked={}))
    assert words(case(Verb.SET, asked={"expect": asked})).count(ASKED) == 1
    assert case(Verb.SET).place == Place(PROD, "shop", "production")
    assert case(Verb.SET).stage is RULES


# --- files that cannot be read


def test_files_that_cannot_be_read_are_known_by_their_path() -> None:
    broken = environment(web_deployment="", db_statefulset=str(A), db_lock="=", x_lock="=")

    assert spoiled(broken, WEB) == f"{PROD}/web.deployment"
    assert spoiled(broken, DB) is None
    assert spoiled(broken, ServiceName("x")) is None
    assert [f.path for f in unreadable(broken)] == [f"{PROD}/web.deployment"]
    assert version_path(broken, WEB, Kind.CRONJOB) == f"{PROD}/web.deployment"
    assert version_path(broken, DB, Kind.CRONJOB) == f"{PROD}/db.statefulset"
    assert version_path(broken, ServiceName("new"), Kind.CRONJOB) == f"{PROD}/new.cronjob"


def test_what_is_copied_must_all_be_readable() -> None:
    broken = environment(web_deployment="", db_deployment=str(A), up_deployment="")

    with pytest.raises(InvalidState) as every:
        selected_to_copy(broken)
    assert every.value.message == (
        "shop-production/up.deployment:1: is empty (and 1 more; `gitops validate` lists them)"
    )
    assert every.value.hint == "mend the file, or leave it out: --exclude 'up'"
    with pytest.raises(InvalidState) as dotted:
        selected_to_copy(environment(**{"a.b_deployment": ""}))
    assert dotted.value.hint == "mend the file, or leave it out: --exclude 'a.b'"
    with pytest.raises(InvalidState) as named:
        selected_to_copy(broken, named=[WEB])
    assert named.value.message == "shop-production/web.deployment:1: is empty"
    assert (named.value.hint or "").startswith("mend the file, or see")
    assert selected_to_copy(broken, named=[DB]) == [DB]
    assert selected_to_copy(broken, exclude=["web", "u*"]) == [DB]
    assert selected_to_copy(broken, only=["d*"]) == [DB]
    whole = environment(web_deployment=str(A), db_deployment=str(A), dc_deployment=str(A))
    assert selected_to_copy(whole, only=["d*"], exclude=["dc"]) == [DB]
    assert selected_to_copy(whole, named=[WEB, DB], only=["d*"]) == [DB]
    with pytest.raises(UnknownService) as nothing:
        selected_to_copy(environment(db_deployment=str(A)), exclude=["*"])
    assert nothing.value.message == (
        "no service of shop-production is left after --only and --exclude"
    )
    assert nothing.value.hint == "services there: db"
