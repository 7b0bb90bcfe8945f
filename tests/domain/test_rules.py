"""The table of rules, and that people are shown the same one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.rules import RULES, Rule

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
