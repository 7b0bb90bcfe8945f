"""Notices: who wants to hear of what, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.notices import Notice, document, text_of, title_of, together, wanted
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.governing import stopping
from gitops_cli.domain.recorded.notify import Event, variable_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.recorded.template import LONGEST

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEV, PROD = EnvironmentName("shop-development"), EnvironmentName("shop-production")


def team(text: str) -> TeamSettings:
    return parse_team(RawFile("gitops.toml", text.encode()))


def notice(event: Event = Event.PROMOTED, *names: EnvironmentName, summary: str = "x") -> Notice:
    return Notice(event, names or (PROD,), summary, NOON, (ServiceName("billing"),), "Ada", "why")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        pytest.param('events = ["promoted"]', (DEV, PROD), id="event"),
        pytest.param('events = ["promoted"]\nstages = ["production"]', (PROD,), id="stage"),
        pytest.param('events = ["failed"]', None, id="another event"),
        pytest.param('stages = ["production"]', None, id="off unless events are named"),
    ],
)
def test_a_target_gets_what_its_table_asks_for(
    table: str, told: tuple[EnvironmentName, ...] | None
) -> None:
    agreed = team(f"[notify.chat]\n{table}\n")
    assert not agreed.defects
    assert [(key, rules.name) for key, rules in agreed.notify.items()] == [("chat", "chat")]
    found = [n.environments for _, n in wanted([notice(Event.PROMOTED, DEV, PROD)], agreed)]
    assert found == ([] if told is None else [told])


def test_what_is_the_same_in_many_environments_is_one_notice() -> None:
    down = [notice(Event.FAILED, name, summary="git is down") for name in (PROD, DEV)]
    [one, other] = together([*down, notice(Event.SYNCED, summary="git is down")])
    assert one.environments == (DEV, PROD)
    assert text_of(one, None) == f"{DEV}, {PROD}: git is down"
    assert title_of(one) == "gitops: failed in 2 environments"
    assert other.event is Event.SYNCED


def test_the_words_are_one_visible_line_and_hold_no_secret() -> None:
    said = notice(summary=f"{PROD}: see https://ada:hunter2@example.com/x\nGet\x1b[31m")
    text = text_of(said._replace(reason="a {by} of\nbraces"), "{event} {summary} {by}: {reason}")
    assert "hunter2" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert text.startswith("promoted ")
    assert text.endswith("a {by} of braces") or "a {by} of" in text
    assert "hunter2" not in str(document(said, text))


@pytest.mark.parametrize("key", ["url", "secret", "token", "webhook"])
def test_an_address_in_the_repository_is_a_defect_that_does_not_repeat_it(key: str) -> None:
    agreed = team(f'[notify.chat]\nevents = ["failed"]\n{key} = "https://hooks/T0/hunter2"\n')
    [defect] = agreed.defects
    assert (defect.line, defect.message, defect.hint) == (
        3,
        (
            f"notify.chat.{key}: an address or a secret has no place in the repository: whoever "
            "may push would say whom everybody's machine talks to"
        ),
        "take it out, change the secret, and set GITOPS_NOTIFY_CHAT for who sends",
    )
    assert "hunter2" not in str(defect)
    assert not list(stopping(agreed, "production", ())), "and it stops nobody"


@pytest.mark.parametrize(
    "text",
    [
        '[notify.Chat]\nevents = ["failed"]',
        '[notify.a-secret]\nevents = ["failed"]',
        '[notify."../x"]\nevents = ["failed"]',
        '[notify.chat]\nevents = ["fail"]',
        '[notify.chat]\nstages = ["qa"]',
        '[notify.chat]\ntemplate = "{password}"',
        "notify = 5",
    ],
)
def test_what_is_wrong_in_a_table_is_told(text: str) -> None:
    assert team(text).defects


def test_a_name_that_can_be_no_target_is_told_and_the_others_count() -> None:
    agreed = team('[notify.chat]\nevents = ["failed"]\n[notify."A\\u0007"]\n[notify.pager]')
    [defect] = agreed.defects
    assert (defect.line, defect.message, defect.hint) == (
        1,
        "notify.A\\x07: `A\\x07` is not a short name of lower-case letters, digits and `-`",
        None,
    )
    assert list(agreed.notify) == ["chat", "pager"]


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
def test_a_template_has_a_longest_length(length: int) -> None:
    text = "{event}" + "x" * (length - 7)
    defects = team(f'[notify.chat]\ntemplate = "{text}"').defects
    says = f"notify.chat.template: is longer than {LONGEST} characters"
    assert [(d.line, d.message) for d in defects] == [(2, says)] * (length - LONGEST)


def test_a_name_has_one_variable() -> None:
    assert variable_of("on-call") == "GITOPS_NOTIFY_ON_CALL"
