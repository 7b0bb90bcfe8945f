"""Notices, each value whole: who gets which, what is one, the line, the subject, the document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.notices import Notice, document, text_of, title_of, together, wanted
from gitops_cli.domain.recorded.notify import Event, NoticeRules
from gitops_cli.domain.recorded.team import TeamSettings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEV, STAGING, PROD = (
    EnvironmentName(f"shop-{stage}") for stage in ("development", "staging", "production")
)
WEB, API = ServiceName("web"), ServiceName("api")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FULL = Notice(Event.PROMOTED, (PROD,), "web 2", NOON, (WEB, API), "Ada", "why", COMMIT, "run-1")
BARE = Notice(Event.FAILED, (DEV,), "x", NOON)
SECRET = "https://ada:hunter2@a.test/x\ny\x1b"
SAID = "https://***@a.test/x y\\x1b"


def many(count: int) -> tuple[EnvironmentName, ...]:
    return tuple(EnvironmentName(f"e{number}") for number in range(count))


def test_what_a_notice_need_not_have() -> None:
    assert BARE == (Event.FAILED, (DEV,), "x", NOON, (), None, None, None, None)


def test_each_table_gets_each_notice_that_it_asks_for() -> None:
    every = NoticeRules("every", frozenset({Event.FAILED, Event.PROMOTED}))
    some = NoticeRules("some", frozenset({Event.PROMOTED}), ("staging", "production"))
    none = NoticeRules("none", frozenset(), None)
    nowhere = NoticeRules("nowhere", frozenset(Event), ())
    team = TeamSettings(notify={one.name: one for one in (every, nowhere, some, none)})
    told = FULL._replace(environments=(PROD, DEV, STAGING))
    notices = iter((told, BARE, FULL._replace(environments=())))
    assert list(wanted(notices, team)) == [
        (every, told),
        (every, BARE),
        (some, told._replace(environments=(PROD, STAGING))),
    ]


def test_what_says_the_same_is_one_and_the_first_one_says_the_rest() -> None:
    second = FULL._replace(
        environments=(DEV, PROD), services=(API, ServiceName("db")), by="Bob", run="run-2"
    )
    other = FULL._replace(summary="web 3")
    failed = FULL._replace(event=Event.FAILED)
    assert together(iter((FULL, other, second, failed))) == [
        FULL._replace(environments=(DEV, PROD), services=(API, ServiceName("db"), WEB)),
        other,
        failed,
    ]
    assert together(()) == []
    assert together([FULL]) == [FULL], "one alone keeps its order"


@pytest.mark.parametrize(
    ("notice", "template", "line"),
    [
        pytest.param(FULL, None, "shop-production: web 2", id="the environment is added"),
        pytest.param(FULL._replace(summary=f"in {PROD}"), None, f"in {PROD}", id="it is named"),
        pytest.param(
            FULL._replace(environments=(DEV, PROD), summary=f"in {PROD}"),
            None,
            f"in {PROD}",
            id="one of them is named",
        ),
        pytest.param(
            FULL,
            "{event}|{environment}|{services}|{summary}|{by}|{reason}|{commit}",
            "promoted|shop-production|web, api|web 2|Ada|why|0123456",
            id="every field",
        ),
        pytest.param(
            BARE,
            "{event}|{environment}|{services}|{summary}|{by}|{reason}|{commit}|",
            "failed|shop-development||x||||",
            id="what it has not is empty",
        ),
        pytest.param(FULL, "a {by}", "a Ada", id="only what is asked"),
        pytest.param(
            BARE._replace(environments=many(5)), None, "e0, e1, e2, e3, e4: x", id="five are named"
        ),
        pytest.param(
            BARE._replace(environments=many(6)),
            None,
            "e0, e1, e2, e3, e4 and 1 more: x",
            id="of six one is not",
        ),
        pytest.param(
            BARE._replace(services=tuple(map(ServiceName, "abcdefgh"))),
            "{services}",
            "a, b, c, d, e and 3 more",
            id="of eight services three are not",
        ),
        pytest.param(BARE._replace(summary=SECRET), "{summary}", SAID, id="no secret, one line"),
        pytest.param(BARE._replace(summary="x" * 1000), "{summary}", "x" * 1000, id="longest"),
        pytest.param(BARE._replace(summary="x" * 1001), "{summary}", "x" * 1000, id="longer"),
    ],
)
def test_the_line(notice: Notice, template: str | None, line: str) -> None:
    assert text_of(notice, template) == line


def test_the_subject() -> None:
    assert title_of(FULL) == "gitops: promoted in shop-production"
    stale = FULL._replace(event=Event.STALE_AGENT, environments=(DEV, PROD))
    assert title_of(stale) == "gitops: stale-agent in 2 environments"
    assert title_of(BARE._replace(environments=())) == "gitops: failed in 0 environments"


def test_the_document() -> None:
    summer = NOON.astimezone(timezone(timedelta(hours=2)))
    assert document(FULL._replace(at=summer, environments=(DEV, PROD)), "the text") == {
        "apiVersion": "gitops-cli/v1",
        "kind": "notice",
        "event": "promoted",
        "at": "2026-11-23T12:00:00Z",
        "environments": ["shop-development", "shop-production"],
        "services": ["web", "api"],
        "text": "the text",
        "summary": "web 2",
        "by": "Ada",
        "reason": "why",
        "commit": COMMIT,
        "run": "run-1",
    }


def test_the_document_of_one_that_has_little() -> None:
    assert document(BARE, "") == {
        "apiVersion": "gitops-cli/v1",
        "kind": "notice",
        "event": "failed",
        "at": "2026-11-23T12:00:00Z",
        "environments": ["shop-development"],
        "services": [],
        "text": "",
        "summary": "x",
        "by": None,
        "reason": None,
        "commit": None,
        "run": None,
    }


def test_what_others_said_is_one_line_without_a_secret_in_the_document() -> None:
    said = document(BARE._replace(summary=SECRET, reason=SECRET, by="A\nda\x1b"), "t")
    assert (said["summary"], said["reason"], said["by"]) == (SAID, SAID, "A da\\x1b")
    for length in (1000, 1001):
        long = document(BARE._replace(summary="s" * length, reason="r" * length), "t")
        assert (long["summary"], long["reason"]) == ("s" * 1000, "r" * 1000)


def test_nobody_is_called_but_by_the_template() -> None:
    said = FULL._replace(summary="web <!channel> @here", reason="@Everyone, <@U1>", by="a@here.x")
    line = text_of(said, "<!here> {summary}: {reason} ({by})")
    assert line == "<!here> web < !channel> @ here: @ Everyone, < @U1> (a@here.x)"
    assert document(said, line)["reason"] == "@Everyone, <@U1>"
