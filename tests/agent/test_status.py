"""What an agent says of itself, and how it is judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.agent.model.rights import role_rules
from gitops_cli.agent.model.spec import NAME, Feature
from gitops_cli.agent.model.status import (
    AgentStatus,
    Health,
    Result,
    from_data,
    health,
    stale_after,
    to_data,
)
from gitops_cli.agent.model.stepped import (
    StepsRecord,
    StepTime,
    is_due,
    parse_pin,
    time_of,
)
from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.steps.declared import Program, Step, Tool

ENV = EnvironmentName("shop-production")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_status_is_read_as_it_was_written() -> None:
    status = AgentStatus(
        ENV,
        last_attempt=NOW,
        last_success=NOW - timedelta(minutes=5),
        commit="1" * 40,
        tip="2" * 40,
        result=Result.FAILED,
        message="nothing was changed",
        error="web: ErrImagePull",
        interval=30,
        version="1.0",
        steps=StepsRecord("3" * 64, NOW, "dns failed", "step dns: plan ended with exit code 3"),
    )
    data = {key: value for key, value in to_data(status).items() if value is not None}

    assert from_data(ENV, data) == status


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"last-attempt": "yesterday", "interval": "-1", "result": "fine"},
        {"last-attempt": "2026-11-23T12:00:00"},  # without a zone
        {"last-attempt": "9999-12-31T23:59:59-12:00"},
        {"last-success": "0001-01-01T00:00:00+14:00"},
        {"interval": "9" * 5000},
        {"interval": "9" * 10},
        {"interval": "\u0663"},
        {"commit": "-", "tip": "\x1b[31mabc"},
        {"steps": "dns applied", "steps-at": "2026-11-23T12:00:00Z", "steps-digest": "3" * 63},
        {"steps": "dns applied", "steps-at": "2026-11-23T12:00:00Z", "steps-digest": "G" * 64},
        {"steps": "dns applied", "steps-at": "yesterday", "steps-digest": "3" * 64},
    ],
)
def test_what_cannot_be_read_counts_as_not_written(data: dict[str, str]) -> None:
    assert from_data(ENV, data) == AgentStatus(ENV)


def test_what_is_read_is_one_line_and_no_longer_than_what_is_written() -> None:
    long = from_data(ENV, {"message": "one\ntwo", "error": "x" * 900_000, "version": "\x1b" * 9000})

    assert long.message == "one two"
    assert max(len(text) for text in (long.error or "", long.version or "")) == 1000
    assert "\x1b" not in (long.version or "")


def test_every_interval_that_the_command_line_takes_is_read_back() -> None:
    status = AgentStatus(ENV, interval=int(parse_duration("36500d")))
    data = {key: value for key, value in to_data(status).items() if value is not None}

    assert from_data(ENV, data) == status
    assert stale_after(status, None) > timedelta(days=36500)


DIGEST, OTHER = "3" * 64, "4" * 64


@pytest.mark.parametrize(
    ("record", "due"),
    [
        (None, True),
        (StepsRecord(OTHER, NOW, "dns applied"), True),
        (StepsRecord(DIGEST, NOW, "dns applied"), False),
        (StepsRecord(DIGEST, NOW - timedelta(minutes=59), "dns applied"), False),
        (StepsRecord(DIGEST, NOW - timedelta(minutes=60), "dns applied"), True),
        (StepsRecord(DIGEST, NOW - timedelta(minutes=4), "dns failed", "why"), False),
        (StepsRecord(DIGEST, NOW - timedelta(minutes=5), "dns failed", "why"), True),
        (StepsRecord(DIGEST, NOW + timedelta(seconds=1), "a clock went back"), True),
    ],
)
def test_steps_are_due_when_they_are_others_when_they_failed_and_once_an_hour(
    record: StepsRecord | None, due: bool
) -> None:
    assert is_due(record, DIGEST, NOW) is due


def test_steps_may_take_what_all_their_programs_may() -> None:
    command = Step("dns", 1, Tool.COMMAND, Program("infra/dns", seconds=600))
    tofu = Step("net", 2, Tool.TOFU, Program("infra/net", seconds=60))

    assert time_of([]) == StepTime(0, 0)
    assert time_of([command, tofu]) == StepTime(600, 2 * 600 + 5 * 60)


@pytest.mark.parametrize("text", ["", ENV, f"{ENV}=abc", f"{ENV}={'g' * 64}", f"a/b={DIGEST}"])
def test_what_pins_no_steps_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_pin(text)


def test_a_pin_is_an_environment_and_a_digest() -> None:
    assert parse_pin(f"{ENV}={DIGEST}") == (ENV, DIGEST)


@pytest.mark.parametrize(
    ("age", "error", "expected"),
    [
        (None, None, Health.NEVER_RAN),
        (10, None, Health.OK),
        (179, None, Health.OK),
        (180, None, Health.STALE),
        (10, "x", Health.FAILING),
        (180, "x", Health.STALE),
        (-3600, None, Health.OK),
    ],
)
def test_health(age: int | None, error: str | None, expected: Health) -> None:
    attempt = None if age is None else NOW - timedelta(seconds=age)
    status = AgentStatus(ENV, last_attempt=attempt, error=error)

    assert health(status, NOW, limit=stale_after(status, None)) is expected


def test_three_missed_runs_are_stale_whatever_the_interval() -> None:
    assert stale_after(AgentStatus(ENV, interval=600), None) == timedelta(seconds=1800)
    assert stale_after(AgentStatus(ENV, interval=5), None) == timedelta(seconds=180)
    assert stale_after(AgentStatus(ENV), 90.0) == timedelta(seconds=90)


def test_the_least_rights_are_those_of_the_kinds() -> None:
    rules = role_rules({Kind.DEPLOYMENT}, ())

    assert rules == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [NAME],
            "verbs": ["get", "patch"],
        },
    ]


def test_no_right_is_wider_than_a_verb_on_a_resource() -> None:
    for rule in role_rules(set(Kind), set(Feature)):
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
        assert not {"delete", "update", "deletecollection"} & set(rule["verbs"])
        assert "secrets" not in rule["resources"]
