"""`gitops set`, as CI and people use it, on real repositories."""

from __future__ import annotations

import pytest

from tests.cli.company import DEV, GITHUB, PROD, STAGING, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git

NEW, OTHER = "b" * 40, "c" * 40


def subject(company: Article) -> str:
    return git(company.remote, "log", "-1", "--format=%s", "main")


def count(company: Article) -> int:
    return int(git(company.remote, "rev-list", "--count", "main"))


def test_a_hash_is_recorded_in_one_commit(company, clone):
    before = count(company)

    done = clone("set", f"authentication={NEW}", "-e", "dev").ok()

    assert company.recorded(DEV)["authentication"] == NEW
    assert count(company) == before + 1
    assert "project1-development: authentication" in done.stdout
    assert git(company.remote, "show", f"main:{DEV}/authentication.deployment") == NEW


def test_several_services_are_one_commit(company, clone):
    before = count(company)

    clone("set", f"authentication={NEW}", f"billing={OTHER}", "-e", "dev").ok()

    found = company.recorded(DEV)
    assert (found["authentication"], found["billing"]) == (NEW, OTHER)
    assert count(company) == before + 1


def test_recording_it_again_changes_nothing(company, clone):
    clone("set", f"authentication={NEW}", "-e", "dev").ok()
    before = count(company)

    done = clone("set", f"authentication={NEW}", "-e", "dev", "-o", "json").ok()

    assert count(company) == before
    assert (done.json()["changed"], done.json()["changes"]) == (False, [])
    assert clone("set", f"authentication={NEW}", "-e", "dev", "--require-change").code == 1


def test_json_has_full_hashes_and_the_commit(company, clone):
    old = company.recorded(DEV)["authentication"]

    document = clone("set", f"authentication={NEW}", "-e", "dev", "-o", "json").ok().json()

    assert (document["apiVersion"], document["kind"]) == ("gitops-cli/v1", "recording")
    assert document["commit"] == git(company.remote, "rev-parse", "main")
    [change] = document["changes"]
    assert (change["service"], change["action"]) == ("authentication", "update")
    assert (change["from"], change["to"]) == (old, NEW)


def test_a_dry_run_writes_nothing(company, clone):
    before = git(company.remote, "rev-parse", "main")

    done = clone("set", f"authentication={NEW}", "-e", "dev", "--dry-run").ok()

    assert "would write: project1-development: authentication" in done.stdout
    assert git(company.remote, "rev-parse", "main") == before


def test_a_stage_of_several_projects_is_a_usage_error_in_a_script(company, clone):
    done = clone("set", f"frontend={NEW}", "-e", "dev")

    assert done.code == 2
    assert "project1-development, project2-development" in done.stderr
    clone("set", f"frontend={NEW}", "-e", "dev", "-p", "project2").ok()
    assert company.recorded("project2-development")["frontend"] == NEW


def test_nothing_at_all_is_found_in_a_services_checkout_in_ci(company, gitops):
    checkout = company.checkout("authentication")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    ci = gitops.at(checkout).using(GITOPS_REPO=company.remote, **GITHUB)

    ci("set", "-e", "dev").ok()

    head = git(checkout, "rev-parse", "HEAD")
    assert company.recorded(DEV)["authentication"] == head
    assert git(company.remote, "log", "-1", "--format=%an <%ae>", "main") == (
        "octo <octo@users.noreply.github.com>"
    )
    found = trailers(company)
    assert found["Gitops-Run"] == "https://github.com/acme/authentication/actions/runs/7"
    assert found["Gitops-Action"] == "set"
    assert found["Gitops-Source-Time"] == git(
        checkout,
        "log",
        "-1",
        "--date=format-local:%Y-%m-%dT%H:%M:%S+00:00",
        "--format=%cd",
    )


def test_the_checkout_in_ci_is_not_written(company, gitops):
    checkout = company.checkout("authentication")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    (checkout / "untracked").write_text("mine")

    def content() -> dict[str, bytes]:
        files = (f for f in sorted(checkout.rglob("*")) if f.is_file())
        return {str(f): f.read_bytes() for f in files}

    before = content()
    gitops.at(checkout).using(GITOPS_REPO=company.remote, CI="1")("set", "-e", "dev").ok()

    assert content() == before


def test_the_state_repository_itself_is_no_service(clone):
    done = clone("set", "-e", "dev")

    assert done.code == 2
    assert "is the state repository" in done.stderr


def test_a_short_hash_is_refused_with_the_way_to_the_long_one(company, clone):
    before = count(company)

    done = clone("set", "authentication=36a03b3", "-e", "dev")

    assert done.code == 2
    assert "git rev-parse 36a03b3" in done.stderr
    assert count(company) == before


def test_a_short_hash_that_the_checkout_knows_is_completed(company, gitops):
    newest = company.source("authentication").commits[-1]
    company.push(DEV, {"authentication": NEW})
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)

    done = checkout("set", f"authentication={newest[:7]}", "-e", "dev").ok()

    assert company.recorded(DEV)["authentication"] == newest
    assert f"{newest[:7]} is {newest}" in done.stderr


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("authentication=", "is not a commit hash"),
        ("authentication=../../etc", "is not a commit hash"),
        ("authentication=v1.2", "is not a full commit hash"),
        ("Authentication=" + NEW, "is not a service name"),
        ("../x=" + NEW, "is not a service name"),
    ],
)
def test_bad_input_changes_nothing(company, clone, word, why):
    before = count(company)

    done = clone("set", word, "-e", DEV)

    assert done.code in (2, 6)
    assert why in done.stderr
    assert done.stdout == ""
    assert count(company) == before


def test_a_new_service_gets_the_kind_that_is_said(company, clone):
    clone("set", f"cache={NEW}", "-e", DEV, "--new", "--kind", "StatefulSet").ok()

    assert git(company.remote, "show", f"main:{DEV}/cache.statefulset") == NEW


def test_a_service_that_is_new_here_has_the_kind_it_has_elsewhere(company, clone):
    clone("set", f"cache={NEW}", "-e", DEV, "--new", "--kind", "StatefulSet").ok()

    clone("set", f"cache={NEW}", "-e", PROD).ok()

    assert git(company.remote, "show", f"main:{PROD}/cache.statefulset") == NEW
    clone("set", f"cache={NEW}", "-e", "project2-staging", "--new", "--kind", "DaemonSet").ok()
    unclear = clone("set", f"cache={NEW}", "-e", STAGING)
    assert unclear.code == 2
    assert "elsewhere of several kinds: DaemonSet, StatefulSet" in unclear.stderr


def test_a_spoilt_file_is_mended(company, clone):
    company.push(DEV, {"authentication": "<<<<<<< HEAD"})

    clone("set", f"authentication={NEW}", "-e", "dev", "-p", "project1").ok()

    assert company.recorded(DEV)["authentication"] == NEW


def test_skip_ci_is_written_where_agreed(company, clone):
    with_settings(company, "[commit]\nskip_ci = true\n")

    clone("set", f"authentication={NEW}", "-e", "dev").ok()

    assert subject(company).endswith("[skip ci]")


def test_a_terminal_is_asked_which_project(company, clone):
    with clone.terminal("set", f"frontend={NEW}", "-e", "dev") as screen:
        screen.wait_for("Which environment is `dev`?")
        screen.press("down", "enter")

        assert screen.finish() == 0
        assert f"gitops set frontend={NEW} --env project2-development" in screen.text
    assert company.recorded("project2-development")["frontend"] == NEW


def test_a_terminal_confirms_a_protected_stage_and_gives_a_reason(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    with clone.terminal("set", f"authentication={NEW}", "-e", "prod") as screen:
        screen.wait_for("project1-production is protected. Why is this done?")
        screen.type("incident 7")
        screen.press("enter")
        screen.wait_for("Type project1-production to go on:")
        screen.type(PROD)
        screen.press("enter")

        assert screen.finish() == 0
    assert company.recorded(PROD)["authentication"] == NEW
    assert trailers(company)["Gitops-Reason"] == "incident 7"


def test_colleagues_who_write_other_services_do_not_disturb(company, clone):
    company.push(DEV, {"billing": OTHER})

    clone("set", f"authentication={NEW}", "-e", "dev").ok()

    found = company.recorded(DEV)
    assert (found["authentication"], found["billing"]) == (NEW, OTHER)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([f"billing={NEW}", f"billing={OTHER}"], "billing is named twice"),
        (["billing", "orders"], "a checkout is one service"),
        ([f"billing={NEW}"], "pass --env"),
    ],
)
def test_a_script_is_told_what_is_wrong(company, clone, words, why):
    before = count(company)
    env = [] if "pass" in why else ["-e", DEV]

    done = clone("set", *words, *env)

    assert done.code == 2
    assert why in done.stderr
    assert count(company) == before


def test_a_terminal_is_asked_where(company, clone):
    with clone.terminal("set", f"billing={NEW}") as screen:
        screen.wait_for("Environment?")
        screen.press("enter")

        assert screen.finish() == 0
        assert f"gitops set billing={NEW} --env {DEV}" in screen.text
    assert company.recorded(DEV)["billing"] == NEW
