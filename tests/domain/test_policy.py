"""What refuses a write, and which override lets it through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.change.policy import (
    Origin,
    Override,
    Unconfirmed,
    enforce,
    frozen,
    locked,
    need_confirmation,
    need_reason,
    wrong_branch,
    wrong_form,
    wrong_source,
)
from gitops_cli.domain.errors import Frozen, Locked, PolicyRefused, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.freeze import parse_freeze
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team import StageRules, TeamSettings, VersionForm
from gitops_cli.domain.version import Version

PROD = EnvironmentName("p-production")
AUTH, WEB = ServiceName("auth"), ServiceName("web")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = Place(PROD, "p", "production")
DEV = Place(EnvironmentName("p-development"), "p", "development")


def locks(**by_service: Lock) -> Environment:
    found = {
        None if name == "whole" else ServiceName(name): lock for name, lock in by_service.items()
    }
    return Environment(PROD, "r/", {}, found)


def lock(service: ServiceName | None = AUTH, **fields) -> Lock:
    return Lock(f"{PROD}/{service or ''}.lock", service, **fields)


def test_a_lock_refuses_only_its_service():
    here = locks(auth=lock(by="Ada", reason="incident 7"))

    assert list(locked(here, [WEB], NOW)) == []
    with pytest.raises(Locked) as refused:
        enforce(locked(here, [AUTH, WEB], NOW))
    assert refused.value.message == (
        "p-production/auth.lock:1: auth in p-production is locked by Ada: incident 7"
    )
    assert refused.value.hint is not None
    assert "gitops unlock auth -e p-production" in refused.value.hint
    assert "--override-lock" in refused.value.hint


def test_a_lock_of_the_environment_refuses_every_service():
    here = locks(whole=lock(None))

    with pytest.raises(Locked, match=r"all of p-production is locked"):
        enforce(locked(here, [WEB], NOW))


def test_an_expired_lock_is_ignored():
    here = locks(auth=lock(until=NOW - timedelta(seconds=1)))

    assert enforce(locked(here, [AUTH], NOW)) == ()


def test_a_lock_that_cannot_be_read_holds_and_says_so():
    here = locks(auth=lock(problem="not TOML"))

    with pytest.raises(Locked, match="cannot be read: not TOML"):
        enforce(locked(here, [AUTH], NOW))


def test_a_reason_from_elsewhere_cannot_act_on_a_terminal():
    here = locks(auth=lock(reason="x\x1b[2Jy\n\nz"))

    with pytest.raises(Locked) as refused:
        enforce(locked(here, [AUTH], NOW))
    assert "\x1b" not in refused.value.message
    assert "\n" not in refused.value.message


def test_an_override_lets_through_and_is_reported():
    here = locks(auth=lock())

    assert enforce(locked(here, [AUTH], NOW), {Override.LOCK}) == (Override.LOCK,)


def test_an_override_that_is_not_needed_is_not_reported():
    assert enforce(iter(()), {Override.LOCK}) == ()


def test_one_override_does_not_stand_for_another():
    with pytest.raises(Locked):
        enforce(locked(locks(auth=lock()), [AUTH], NOW), {Override.FREEZE, Override.POLICY})


def test_a_freeze_names_its_line_and_its_end():
    rules = StageRules(
        "production",
        freeze=(parse_freeze("2026-11-23 00:00 - 2026-11-24 08:00 Europe/Warsaw"),),
        lines={"freeze": 9},
    )

    with pytest.raises(Frozen) as refused:
        enforce(frozen(PLACE, rules, NOW))
    assert refused.value.message.startswith(
        "gitops.toml:9: production is frozen until Tue 2026-11-24"
    )
    assert enforce(frozen(PLACE, rules, NOW + timedelta(days=2))) == ()


def test_promote_from_refuses_other_stages():
    rules = StageRules("production", promote_from=("staging",), lines={"promote_from": 4})

    with pytest.raises(PolicyRefused) as refused:
        enforce(wrong_source(DEV, PLACE, rules))
    assert refused.value.message == (
        "gitops.toml:4: production takes promotions from staging, not from development"
    )
    assert enforce(wrong_source(DEV, PLACE, StageRules("production"))) == ()


@pytest.mark.parametrize(
    ("branch", "refused"),
    [("develop", False), ("release/1", False), ("feature/x", True), (None, True)],
)
def test_branches_decide_whose_commits_are_recorded(branch, refused):
    rules = StageRules("development", branches=("develop", "release/*"))

    assert bool(list(wrong_branch(Origin(branch), DEV, rules))) is refused


def test_without_branches_every_branch_is_recorded():
    assert list(wrong_branch(Origin(), DEV, StageRules("development"))) == []


@pytest.mark.parametrize(
    ("tag", "form", "refused"),
    [
        ("a" * 40, VersionForm.COMMIT, False),
        ("a" * 64, VersionForm.COMMIT, False),
        ("a" * 7, VersionForm.COMMIT, True),
        ("A" * 40, VersionForm.COMMIT, True),
        ("v1.2", VersionForm.COMMIT, True),
        ("v1.2", VersionForm.ANY, False),
    ],
)
def test_the_form_of_versions_is_kept(tag, form, refused):
    team = TeamSettings(version_form=form)

    assert bool(list(wrong_form(AUTH, Version(tag), team))) is refused


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_an_override_needs_a_reason(reason):
    with pytest.raises(UsageError, match="--override-freeze needs a reason"):
        need_reason({Override.FREEZE}, reason)
    need_reason({Override.OLDER}, reason)
    need_reason((), reason)


@pytest.mark.parametrize(
    ("confirmed", "reason", "refused"),
    [
        (PROD, "why", False),
        (PROD, None, True),
        (None, "why", True),
        ("p-staging", "why", True),
    ],
)
def test_a_protected_stage_is_confirmed_by_name_and_with_a_reason(confirmed, reason, refused):
    rules = StageRules("production", protected=True)

    if refused:
        with pytest.raises(Unconfirmed):
            need_confirmation(PROD, rules, confirmed=confirmed, reason=reason)
    else:
        need_confirmation(PROD, rules, confirmed=confirmed, reason=reason)
    need_confirmation(PROD, StageRules("production"), confirmed=None, reason=None)
