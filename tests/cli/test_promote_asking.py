"""`gitops promote` at a terminal: what a person is asked, and what happens while they think."""

from __future__ import annotations

import json

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, trailers, with_settings
from tests.state.test_push import hook
from tests.testbed.gitops import Terminal
from tests.testbed.patience import eventually

OTHER = "c" * 40


# At a terminal


def test_missing_arguments_are_asked_for(company, clone):
    with clone.terminal("promote", columns=200) as screen:
        screen.wait_for("Promote to?")
        screen.press("enter")  # project1-staging comes first
        screen.wait_for("Promote what from project1-development to project1-staging?")
        screen.press("space", "down", "space", "enter")
        screen.wait_for("Promote 2 services to project1-staging?")
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 0
        shown = screen.text
    found, dev = company.recorded(STAGING), company.recorded(DEV)
    assert [s for s in found if found[s] == dev[s]] == ["authentication", "billing"]
    assert (
        "gitops promote authentication billing --to project1-staging "
        "--from project1-development --yes" in shown
    )


def test_declined_is_one_and_writes_nothing(company, clone):
    before = tip(company)
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        screen.type("n")
        screen.press("enter")

        assert screen.finish() == 1
    assert tip(company) == before


def test_menus_are_searched_by_typing(company, clone):
    with clone.terminal("promote", columns=200) as screen:
        screen.wait_for("Promote to?")
        screen.wait_for("type to search")
        screen.type("prod")
        screen.wait_for("/ prod")
        screen.press("enter")
        screen.wait_for("to project1-production?")
        screen.type("bill")
        screen.wait_for("/ bill")
        screen.press("space", "backspace", "enter")
        screen.wait_for("Promote 1 service to project1-production?")
        screen.type("n")
        screen.press("enter")
        assert screen.finish() == 1
        assert "billing" in screen.text.rpartition("Promote 1 service")[0]


def test_a_project_that_is_none_is_told_before_anything_is_asked(clone):
    with clone.terminal("promote", "-p", "project") as screen:
        assert screen.finish() == 2
        assert "there is no project `project`" in screen.text


@pytest.mark.parametrize("at", ["Promote to?", "Promote what", "Promote 4 services"])
def test_ctrl_c_is_130_and_writes_nothing(company, clone, at):
    before = tip(company)
    arguments = {
        "Promote to?": [],
        "Promote what": ["--to", STAGING],
        "Promote 4 services": ["--all", "--to", STAGING],
    }[at]
    with clone.terminal("promote", *arguments) as screen:
        screen.wait_for(at)
        screen.press("ctrl-c")

        assert screen.finish() == 130
    assert tip(company) == before


def test_ctrl_c_during_the_push_is_130_and_says_what_is_not_known(company, clone):
    begun = company.directory / "begun"
    hook(company.remote, "pre-receive", f"touch {begun}; exec sleep 60")
    before = tip(company)
    with clone.terminal("promote", "authentication", "--to", STAGING, "--yes") as screen:
        eventually(begun.exists)
        screen.press("ctrl-c")

        assert screen.finish() == 130
        assert "may have arrived" in screen.text
        assert "gitops history" in screen.text
    assert tip(company) == before
    (company.remote / "hooks" / "pre-receive").unlink()
    clone("promote", "authentication", "--to", STAGING, "--yes").ok()


def test_a_protected_stage_is_typed_and_explained(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    with clone.terminal("promote", "authentication", "--to", PROD, "--yes") as screen:
        screen.wait_for("Type project1-production to go on:")
        screen.type(PROD)
        screen.press("enter")
        screen.wait_for("Why is this done?")
        screen.type("release 7")
        screen.press("enter")

        assert screen.finish() == 0
    assert trailers(company)["Gitops-Reason"] == "release 7"


def test_a_protected_stage_is_not_confirmed_by_another_name(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    before = tip(company)
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Type project1-production to go on:")
        screen.type("yes")
        screen.press("enter")

        assert screen.finish() == 1
    assert tip(company) == before


def test_a_script_confirms_a_protected_stage_by_its_name(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    command = ("promote", "authentication", "--to", PROD)

    assert clone(*command, "--yes").code == 2
    assert clone(*command, "--confirm", PROD).code == 2  # and a reason
    clone(*command, "--confirm", PROD, "-m", "release 7").ok()


def test_what_was_shown_is_what_ships_although_the_source_moved(company, clone):
    shown = company.recorded(STAGING)["authentication"]
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        company.push(STAGING, {"authentication": OTHER})
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 0
    assert company.recorded(PROD)["authentication"] == shown
    assert company.recorded(STAGING)["authentication"] == OTHER


def test_a_target_that_moved_is_left_alone_and_the_new_plan_is_shown(company, clone):
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        company.push(PROD, {"authentication": OTHER})
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 6
        shown = screen.text
    assert company.recorded(PROD)["authentication"] == OTHER
    assert "project1-production moved meanwhile, nothing was written" in shown
    assert shown.count("Promote from project1-staging to project1-production") == 2


def test_a_target_that_has_it_meanwhile_is_done(company, clone):
    wanted = company.recorded(STAGING)["authentication"]
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        company.push(PROD, {"authentication": wanted})
        after = tip(company)
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 0
        assert "nothing to do" in screen.text
    assert tip(company) == after


def test_a_lock_made_while_a_person_thinks_counts(company, clone):
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        clone.at(company.clone("colleague"))("lock", "-e", PROD, "-m", "stop").ok()
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 6
        assert "all of project1-production is locked" in screen.text


def test_a_stage_that_becomes_protected_while_a_person_thinks_is_not_written(company, clone):
    before = company.recorded(PROD)
    with clone.terminal("promote", "authentication", "--to", PROD, "-m", "why") as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        with_settings(company, "[stage.production]\nprotected = true\n")
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 2
        assert "project1-production is protected" in screen.text
    assert company.recorded(PROD) == before


def test_a_result_in_a_file_leaves_plan_and_question_on_the_terminal(company, clone, tmp_path):
    result = tmp_path / "result.json"
    command = f"gitops promote authentication --to {PROD} -o json > {result}"
    environment = {"TERM": "xterm-256color", **clone.environment}
    with Terminal(
        ["/bin/sh", "-c", command], clone.directory, environment, rows=40, columns=120
    ) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        assert "Promote from project1-staging to project1-production" in screen.text
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 0
    document = json.loads(result.read_text())
    assert document["commit"] == tip(company)


def test_a_terminal_is_asked_where_from_if_the_team_names_several(company, clone):
    with_settings(company, '[stage.production]\npromote_from = ["development", "staging"]\n')
    assert clone("promote", "authentication", "--to", PROD, "--yes").code == 2

    with clone.terminal("promote", "authentication", "--to", PROD, "--yes") as screen:
        screen.wait_for("Promote to project1-production from?")
        screen.press("enter")

        assert screen.finish() == 0
        assert "--from project1-development" in screen.text
    assert company.recorded(PROD)["authentication"] == company.recorded(DEV)["authentication"]


def test_with_nothing_to_promote_a_terminal_is_not_asked_what(company, clone):
    clone("promote", "--all", "--to", STAGING, "--yes").ok()

    with clone.terminal("promote", "--to", STAGING) as screen:
        assert screen.finish() == 0
        assert "nothing to do" in screen.text
