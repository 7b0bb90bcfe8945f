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
from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind

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
