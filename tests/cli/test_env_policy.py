"""`gitops env copy` into a stage that has rules: what refuses a promotion refuses it too."""

from __future__ import annotations

import pytest

from tests.cli.company import DEV, PROD, tip, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

QA = "project1-qa"
STAGES = 'stages = ["development", "staging", "production", "qa"]\n'
ALWAYS = '["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]'


def with_rules(company: Article, rules: str) -> str:
    """Agree on rules for the stage qa, which has no environment yet; return the tip."""
    with_settings(company, f"{STAGES}[stage.qa]\n{rules}\n")
    return tip(company)


def copied(company: Article) -> bool:
    return company.recorded(QA) == company.recorded(DEV)


@pytest.mark.parametrize(
    ("rules", "why", "flag"),
    [
        pytest.param(
            'promote_from = ["production"]',
            "qa takes promotions from production, not from development",
            "policy",
            id="promote_from",
        ),
        pytest.param(f"freeze = {ALWAYS}", "qa is frozen until", "freeze", id="freeze"),
    ],
)
def test_a_rule_refuses_and_is_overridden_with_a_reason(company, clone, rules, why, flag):
    before = with_rules(company, rules)
    command = ("env", "copy", DEV, QA)

    done = clone(*command)

    assert done.code == 6
    assert f"gitops.toml:3: {why}" in done.stderr
    assert f"--override-{flag}" in done.stderr
    assert clone(*command, "--dry-run").code == 6
    assert clone(*command, f"--override-{flag}").code == 2
    assert tip(company) == before
    clone(*command, f"--override-{flag}", "-m", "a tester joins").ok()
    assert copied(company)
    assert trailers(company)["Gitops-Override"] == flag
    assert trailers(company)["Gitops-Reason"] == "a tester joins"


def test_a_protected_stage_is_confirmed_by_its_name_and_a_reason(company, clone):
    before = with_rules(company, "protected = true")
    command = ("env", "copy", DEV, QA)

    assert clone(*command).code == 2
    assert clone(*command, "--yes").code == 2
    assert clone(*command, "--confirm", QA).code == 2
    assert clone(*command, "--confirm", PROD, "-m", "why").code == 2
    assert tip(company) == before
    clone(*command, "--dry-run").ok()
    assert tip(company) == before
    clone(*command, "--confirm", QA, "-m", "why").ok()
    assert copied(company)


def test_a_terminal_asks_for_the_name_and_the_reason(company, clone):
    before = with_rules(company, "protected = true")
    with clone.terminal("env", "copy", DEV, QA) as screen:
        screen.wait_for("project1-qa is protected. Why is this done?")
        screen.type("a tester joins")
        screen.press("enter")
        screen.wait_for("Type project1-qa to go on:")
        screen.type("yes")
        screen.press("enter")
        assert screen.finish() == 1
    assert tip(company) == before

    with clone.terminal("env", "copy", DEV, QA) as screen:
        screen.wait_for("Why is this done?")
        screen.type("a tester joins")
        screen.press("enter")
        screen.wait_for("Type project1-qa to go on:")
        screen.type(QA)
        screen.press("enter")
        assert screen.finish() == 0

    assert copied(company)
    assert trailers(company)["Gitops-Reason"] == "a tester joins"


def test_an_image_that_the_stage_requires_is_asked_for(company, clone):
    before = with_rules(company, 'require = ["image"]')

    done = clone("env", "copy", DEV, QA, "--images-path", "127.0.0.1:9/p1/")

    assert done.code == 5
    assert "127.0.0.1:9" in done.stderr
    assert tip(company) == before


def test_a_version_that_nobody_agreed_on_is_not_copied(company, clone):
    company.push(DEV, {"billing": "v1.2"})
    before = with_rules(company, "")

    done = clone("env", "copy", DEV, QA)

    assert done.code == 6
    assert "`v1.2` is not a full commit hash" in done.stderr
    assert tip(company) == before


def test_a_copy_that_is_there_already_asks_no_rule(company, clone: Gitops):
    clone("env", "copy", DEV, QA).ok()
    with_rules(company, 'protected = true\nmode = "pr"')

    assert "nothing to do" in clone("env", "copy", DEV, QA).ok().stdout
