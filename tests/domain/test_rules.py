"""The table of rules, and that people are shown the same one."""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import (
    Override,
    Refusal,
    Unconfirmed,
    need_confirmation,
)
from gitops_cli.domain.change.rules import RULES, Case, Cost, Rule, refusals
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.team import StageRules, TeamSettings
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.version import Version

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "changing-versions.md"
# The page's words are the verbs', but that a release records as `set` does, and `env` copies.
WORDS = {verb.value: verb for verb in Verb} | {
    "release": Verb.SET,
    "env copy": Verb.ENV,
    "env remove": Verb.REMOVE,
    "env rename": Verb.RENAME,
}
# What the page calls a rule, where that is not its name.
TITLES = {"--expect HASH": "expect", "a version that is no full commit hash": "form"}
# Rules that are no refusal of one tip: a question, and what a selection leaves out.
OTHERS = {"protected", "broken file", "new service"}


def rows() -> dict[str, tuple[set[Verb], str]]:
    """Return the page's table: the name of a rule, whom it holds up, what accepts it."""
    lines = re.findall(
        r"^\| (?!rule )([^|]*)\|[^|]*\|([^|]*)\|[^|]*\|([^|]*)\|$", PAGE.read_text(), re.M
    )
    found = {}
    for title, held, accepted in lines:
        bold = re.search(r"\*\*(.*?)\*\*", title)
        name = bold[1] if bold else title.strip()
        words = [re.split(r" in | \(", word.strip())[0] for word in re.split(r", | and ", held)]
        found[TITLES.get(name, name)] = ({WORDS[w] for w in words if w in WORDS}, accepted)
    return found


TABLE = rows()


def test_the_page_knows_every_rule_and_no_other() -> None:
    assert TABLE.keys() - OTHERS == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_page_says_whom_a_rule_holds_up(rule: Rule) -> None:
    verbs, _ = TABLE[rule.name]
    assert verbs == rule.verbs


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_page_says_what_lets_a_rule_through(rule: Rule) -> None:
    _, accepted = TABLE[rule.name]
    flags = {override for override in Override if override.flag in accepted}
    assert flags == ({rule.override} if rule.override else set())


def asked(verb: Verb, *locks: Lock, whole: bool) -> list[Refusal]:
    """Return what refuses a change of nothing but the environment itself."""
    name = EnvironmentName("shop-qa")
    held = {lock.service: lock for lock in locks}
    here = Environment(name, "r/", {}, held)
    return list(refusals(Case(verb, TeamSettings(), here, (), NOW, whole=whole)))


def test_an_environment_as_such_is_held_by_any_lock_in_it() -> None:
    of_one = Lock("shop-qa/web.lock", ServiceName("web"))
    of_all = Lock("shop-qa/.lock", None)

    for lock in (of_one, of_all):
        [refusal] = asked(Verb.RENAME, lock, whole=True)
        assert refusal.override is Override.LOCK
        assert lock.path in refusal.error.message
    assert asked(Verb.REMOVE, whole=True) == []


def test_what_is_moved_whole_is_held_by_the_lock_of_any_service_in_it() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    web, db = (ServiceName(name) for name in ("web", "db"))
    locks = {name: Lock(f"shop-qa/{name}.lock", name, until=until) for name in (web, db)}
    here = Environment(EnvironmentName("shop-qa"), "r/", {}, locks)
    touched = frozenset({web})
    case = Case(Verb.REMOVE, TeamSettings(), here, (), NOW, files=True, touched=touched)

    def held(of: Case) -> list[str]:
        return [refusal.error.message.partition(":")[0] for refusal in refusals(of)]

    assert held(case) == ["shop-qa/web.lock"]
    assert held(case._replace(whole=True)) == ["shop-qa/db.lock", "shop-qa/web.lock"]
    assert held(case._replace(now=until)) == []


def test_a_defect_stops_who_writes_what_it_is_about() -> None:
    text = b"[stage.staging]\nprotected = 1\n[service.web]\nsource = 1\n"
    team = parse_team(RawFile("gitops.toml", text))

    def stopped(environment: str, service: str) -> list[str]:
        here = Environment(EnvironmentName(environment), "r/", {})
        change = Change(ServiceName(service), None, Version("a" * 40))
        found = refusals(Case(Verb.SET, team, here, (change,), NOW))
        return [refusal.error.message.partition(": ")[0] for refusal in found]

    assert stopped("shop-staging", "api") == ["gitops.toml:2"]
    assert stopped("shop-production", "web") == ["gitops.toml:4"]
    assert stopped("shop-production", "api") == []


def test_a_version_of_another_form_is_named_with_its_service() -> None:
    wanted = {ServiceName("web"): Version("v1")}
    here = Environment(EnvironmentName("shop-qa"), "r/", {})
    [refusal] = refusals(Case(Verb.SET, TeamSettings(), here, (), NOW, wanted=wanted))
    assert refusal.error.message.startswith("web: ")


def test_what_changes_nothing_is_asked_nothing() -> None:
    assert asked(Verb.REMOVE, Lock("shop-qa/.lock", None), whole=False) == []


@pytest.mark.parametrize(
    ("confirmed", "reason", "is_enough"),
    [
        ("a-prod", "why", True),
        ("a-dev,a-prod", "why", True),
        ("a-dev", "why", False),
        ("a-prod", " ", False),
        (None, "why", False),
    ],
)
def test_a_confirmation_may_name_several(
    confirmed: str | None, reason: str, is_enough: bool
) -> None:
    rules = StageRules("prod", protected=True)
    name = EnvironmentName("a-prod")
    with nullcontext() if is_enough else pytest.raises(Unconfirmed):
        need_confirmation(name, rules, confirmed=confirmed, reason=reason)


def test_what_asks_others_comes_last() -> None:
    costs = [rule.cost for rule in RULES]
    assert costs == sorted(costs)
    assert {cost: [r.name for r in RULES if r.cost is cost] for cost in list(Cost)[1:]} == {
        Cost.REGISTRY: ["signature", "attestation"],
        Cost.OTHERS: ["require", "check"],
    }
