"""Registries, exit codes, near names and what a person selects."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitops_cli.domain.duration import age
from gitops_cli.domain.errors import (
    ExitCode,
    GitOpsError,
    NoStateRepository,
    UnknownEnvironment,
    worst,
)
from gitops_cli.domain.image import split_repository
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.near import did_you_mean, near
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.recorded.selection import Filter, advice, selected_environments, told_apart
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.registries import is_loopback
from gitops_cli.domain.stamp import as_stamp, parse_moment, parse_stamp, parse_time
from gitops_cli.domain.text import holds_credentials

TEAM = TeamSettings()
NAMES = ("shop-production", "shop-development", "blog-production")
SNAPSHOT = parse_snapshot(RawFile(f"{name}/images_path", b"r/\n") for name in NAMES)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("127.9.9.9:80", True),
        ("[::1]", True),
        ("[::1]:5000", True),
        ("[::2]:5000", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("registry.example.com:5000", False),
        ("", False),
    ],
)
def test_what_this_machine_is_called(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_order_in_which_exit_codes_speak() -> None:
    order = [70, 74, 130, 2, 4, 5, 3, 7, 8, 6, 1]

    for index, code in enumerate(order):
        assert worst(map(ExitCode, reversed(order[index:]))) == code
    assert worst([ExitCode.OK]) == worst([]) == ExitCode.OK


def test_each_exit_code_has_a_meaning_and_each_error_a_hint() -> None:
    assert {code.meaning for code in ExitCode}
    error = GitOpsError("what", hint="do")
    assert (str(error), error.message, error.hint) == ("what", "what", "do")
    ways = NoStateRepository("none", hint="first; ")
    assert ways.message == "none"
    assert (ways.hint or "").startswith("first; name yours: -C PATH, -R URL, GITOPS_REPO")
    assert (NoStateRepository("none").hint or "").startswith("name yours:")


def test_names_that_a_slip_may_mean() -> None:
    known = ["frontend", "Backend", "billing"]

    assert near("backend", known) == ["Backend"]
    assert near("fronend", known) == ["frontend"]
    assert near("frontend", known) == [], "it is no slip"
    assert near("FRONTEND", known) == ["frontend"]
    assert near("ending", ["lending", "bending", "sending", "vending"]) != []
    assert len(near("ending", ["lending", "bending", "sending", "vending"])) == 3
    assert near("billed", known, cutoff=0.8) == []
    assert near("billed", known) == ["billing"]
    assert did_you_mean("fronend", known) == "did you mean `frontend`?"
    assert did_you_mean("aab", ["aac", "aad"]) == "did you mean `aad` or `aac`?"
    assert did_you_mean("xyz", known) is None
    alike = ["authentication", "notifications"]
    assert near("authentcation", alike) == ["authentication"], "the other one is merely alike"


def test_what_is_selected() -> None:
    def selected(**wanted: object) -> list[EnvironmentName]:
        return selected_environments(SNAPSHOT, Filter(**wanted))  # type: ignore[arg-type]

    assert selected() == ["blog-production", "shop-development", "shop-production"]
    assert selected(project="shop") == ["shop-development", "shop-production"]
    assert selected(environments=["prod"]) == ["blog-production", "shop-production"]
    assert selected(environments=["prod"], project="shop") == ["shop-production"]
    assert selected(environments=["shop-production", "dev"]) == [
        "shop-development",
        "shop-production",
    ]
    with pytest.raises(UnknownEnvironment):
        selected(environments=["nowhere"])
    with pytest.raises(UnknownEnvironment):
        selected(project="nothing")


def test_an_environment_where_a_service_was_expected() -> None:
    said = "`prod` is an environment or a stage: -e prod"

    assert advice("prod", SNAPSHOT) == said
    assert advice("shop-production", SNAPSHOT) == (
        "`shop-production` is an environment or a stage: -e shop-production"
    )
    assert advice("web", SNAPSHOT) is None


def test_words_are_services_before_they_are_environments() -> None:
    snapshot = parse_snapshot(
        RawFile(f"{path}.deployment", b"a" * 40)
        for path in ("shop-production/web", "shop-production/prod", "shop-development/api")
    )

    found = told_apart(["web", "production", "prod", "dev", "nothing", "api"], snapshot)

    assert found.services == ["web", "prod", "nothing", "api"]
    assert found.environments == ["production", "dev"]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("https://example.com/a.git", False),
        ("https://user@example.com/a.git", True),
        ("https://user:secret@example.com/a.git", True),
        ("https://***@example.com/a.git", True),
        ("https://example.com/a.git?token=x", True),
        ("HTTPS://example.com/a#x", True),
        ("http://example.com/a?x", True),
        ("ssh://git@example.com/a", False),
        ("ssh://git:secret@example.com/a", True),
        ("git@example.com:a", False),
        ("see https://example.com/a or b?", False),
        ("", False),
    ],
)
def test_a_url_that_may_hold_a_secret(text: str, holds: bool) -> None:
    assert holds_credentials(text) is holds


@pytest.mark.parametrize(
    ("repository", "host", "path"),
    [
        ("nginx", "docker.io", "library/nginx"),
        ("acme/web", "docker.io", "acme/web"),
        ("index.docker.io/web", "docker.io", "library/web"),
        ("r.example.com:5000/a/b", "r.example.com:5000", "a/b"),
        ("localhost/a", "localhost", "a"),
    ],
)
def test_the_registry_of_a_repository(repository: str, host: str, path: str) -> None:
    assert split_repository(repository) == (host, path)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("today", "2026-12-02T00:00"),
        ("Yesterday", "2026-12-01T00:00"),
        ("monday", "2026-11-30T00:00"),
        ("wed", "2026-12-02T00:00"),
        ("thursday", "2026-11-26T00:00"),
        ("2h", "2026-12-02T13:30"),
        ("2026-11-23T02:00+00:00", "2026-11-23T02:00"),
    ],
)
def test_moments_as_people_say_them(text: str, at: str) -> None:
    wednesday = datetime(2026, 12, 2, 15, 30, tzinfo=UTC)
    assert parse_moment(text, wednesday) == datetime.fromisoformat(at).replace(tzinfo=UTC)


BEYOND = ("9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00", "999999999d")


@pytest.mark.parametrize("text", ["someday", "mo", "", "1e9d", "2026-13-01", *BEYOND])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month|calendar"):
        parse_moment(text, datetime(2026, 12, 2, tzinfo=UTC))


def test_a_time_without_a_zone_is_one_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Apia")
    time.tzset()
    try:
        assert parse_time("2026-11-23T14:00").astimezone(UTC).hour == 1
        for text in ("0001-01-01", "9999-12-31T23:59:59"):
            with pytest.raises(ValueError, match=r"out of range|calendar"):
                parse_time(text)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", [None, 5, "", "now", "2026-11-23T02:00", *BEYOND])
def test_what_no_machine_writes_as_a_time(text: object) -> None:
    assert parse_stamp(text) is None


def test_a_stamp_is_read_as_it_was_written() -> None:
    at = datetime(2026, 11, 23, 2, 0, 7, tzinfo=timezone(timedelta(hours=2)))
    assert as_stamp(at) == "2026-11-23T00:00:07Z"
    assert parse_stamp(as_stamp(at)) == at


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(hours=1), "1h00m"),
        (timedelta(hours=9, minutes=59), "9h59m"),
        (timedelta(hours=10, minutes=30), "10h"),
        (timedelta(hours=23, minutes=59), "23h"),
        (timedelta(hours=24), "1d"),
        (timedelta(days=89), "89d"),
        (timedelta(days=90), "3mo"),
        (timedelta(days=729), "24mo"),
        (timedelta(days=730), "2y"),
        (timedelta(days=1095), "3y"),
    ],
)
def test_an_age_has_one_or_two_units(span: timedelta, text: str) -> None:
    assert age(span) == text
