"""`gitops promote --all` to a stage that several projects have: one plan, one yes, one commit."""

from __future__ import annotations

import pytest

from tests.cli.company import PROD, STAGING, tip, trailers, with_settings
from tests.testbed.git import git

PROD2, STAGING2 = "project2-production", "project2-staging"
OTHER = "c" * 40
ALL = ("promote", "--all", "--from", "staging", "--to", "production")


def test_every_project_that_has_both_stages_is_promoted_in_one_commit(company, clone):
    before = tip(company)

    done = clone(*ALL, "--yes").ok()

    assert company.recorded(PROD) == company.recorded(STAGING)
    assert company.recorded(PROD2) == company.recorded(STAGING2)
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"
    rows = [line.split()[:2] for line in done.stdout.splitlines()[2:10]]
    assert rows == [
        [project, service]
        for project, env in (("project1", PROD), ("project2", PROD2))
        for service in sorted(company.recorded(env))
    ]
    subject = "production: 8 services from staging (project1, project2)"
    assert git(company.remote, "log", "-1", "--format=%s", "main") == subject
    assert trailers(company)["Gitops-Env"] == f"{PROD}, {PROD2}"


def test_history_says_of_each_environment_where_it_came_from(company, clone):
    clone(*ALL, "--yes").ok()

    told = clone("history", "-e", PROD2, "-n1", "-o", "wide").ok()

    assert told.stdout.rstrip().endswith(f"from {STAGING2}")


def test_without_a_source_each_takes_the_stage_before(company, clone):
    clone("promote", "--all", "--to", "production", "--yes").ok()

    assert company.recorded(PROD2) == company.recorded(STAGING2)


def test_a_project_without_the_stage_is_left_out_and_told(company, clone):
    company.push("shop-production", {"web": OTHER})

    done = clone(*ALL, "--yes").ok()

    assert "left out: shop-production: there is no staging" in done.stderr
    assert company.recorded("shop-production") == {"web": OTHER}


def test_where_one_project_alone_changes_the_commit_is_its_own(company, clone):
    clone(*ALL, "--yes").ok()
    company.push(STAGING2, {"search": OTHER})

    clone(*ALL, "--yes").ok()

    assert trailers(company)["Gitops-Env"] == PROD2
    assert git(company.remote, "log", "-1", "--format=%s", "main").startswith(f"{PROD2}: search")


@pytest.mark.parametrize(
    ("narrower", "changed"),
    [
        pytest.param(["-p", "project2"], {PROD2}, id="a project"),
        pytest.param(["--only", "frontend"], {PROD, PROD2}, id="a glob"),
        pytest.param(["--only", "orders"], {PROD}, id="a glob of one"),
        pytest.param(["--exclude", "[!f]*", "--exclude", "x"], {PROD, PROD2}, id="without"),
    ],
)
def test_what_is_promoted_can_be_narrowed(company, clone, narrower, changed):
    before = {env: company.recorded(env) for env in (PROD, PROD2)}

    clone(*ALL, *narrower, "--yes").ok()

    assert {env for env in before if company.recorded(env) != before[env]} == changed


def test_globs_that_leave_nothing_anywhere_are_told(company, clone):
    done = clone(*ALL, "--only", "nope", "--yes")

    assert done.code == 2
    assert "is left after --only and --exclude" in done.stderr


def test_one_document_has_every_environment(company, clone):
    document = clone(*ALL, "--dry-run", "-o", "json").ok().json()

    assert (document["kind"], document["stage"]) == ("promotions", "production")
    assert [each["project"] for each in document["environments"]] == ["project1", "project2"]
    second = document["environments"][1]
    assert (second["environment"], second["source"]) == (PROD2, STAGING2)
    assert {c["service"]: c["to"] for c in second["changes"]} == company.recorded(STAGING2)


def test_nothing_to_do_is_fine(company, clone):
    clone(*ALL, "--yes").ok()
    before = tip(company)

    done = clone(*ALL, "--yes").ok()

    assert "production is up to date with staging in project1, project2 (8 services)" in done.stdout
    assert tip(company) == before


def test_what_holds_one_project_up_holds_all_up_and_names_it(company, clone):
    clone("lock", "-e", PROD2, "-m", "audit").ok()
    before = tip(company)

    refused = clone(*ALL, "--yes")

    assert refused.code == 6
    assert f"{PROD2}/.lock:1: all of {PROD2} is locked" in refused.stderr
    assert tip(company) == before
    clone(*ALL, "--yes", "--override-lock", "-m", "incident 7").ok()
    assert trailers(company)["Gitops-Override"] == "lock"


def test_a_frozen_stage_is_frozen_for_all(company, clone):
    with_settings(
        company, '[stage.production]\nfreeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]\n'
    )

    refused = clone(*ALL, "--yes")

    assert refused.code == 6
    assert "production is frozen" in refused.stderr


def test_a_protected_stage_is_confirmed_by_its_own_name(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    before = tip(company)

    for answer in (["--yes"], ["--confirm", PROD], ["--confirm", "production"]):
        refused = clone(*ALL, *answer)
        assert refused.code == 2
        assert "production" in refused.stderr
    assert tip(company) == before
    clone(*ALL, "--confirm", "production", "-m", "release 12").ok()
    assert company.recorded(PROD2) == company.recorded(STAGING2)


def test_a_person_is_asked_once(company, clone):
    with clone.terminal(*ALL) as screen:
        screen.wait_for("Promote 8 services of 2 projects to production?")
        screen.type("y")
        screen.press("enter")
        assert screen.finish() == 0
    assert company.recorded(PROD2) == company.recorded(STAGING2)


def test_where_one_project_moved_meanwhile_nothing_is_written(company, clone):
    with clone.terminal(*ALL, columns=160) as screen:
        screen.wait_for("Promote 8 services of 2 projects to production?")
        company.push(PROD2, {"search": OTHER})
        screen.type("y")
        screen.press("enter")
        assert screen.finish() == 6
        assert f"{PROD2} moved meanwhile, nothing was written: search is ccccccc" in screen.text
    assert company.recorded(PROD) != company.recorded(STAGING)


def test_by_pull_request_it_is_one_branch(company, clone):
    done = clone(*ALL, "--pr", "--yes").ok()

    assert "gitops/promote/+production" in done.stdout
    changed = git(
        company.remote, "diff", "--name-only", "main", "refs/heads/gitops/promote/+production"
    )
    assert {line.partition("/")[0] for line in changed.splitlines()} == {PROD, PROD2}


def test_it_is_undone_project_by_project(company, clone):
    before = company.recorded(PROD2)
    clone(*ALL, "--yes").ok()
    done = tip(company)

    unclear = clone("rollback", "--commit", done, "--yes")

    assert unclear.code == 2
    assert f"recorded versions in {PROD}, {PROD2}" in unclear.stderr
    clone("rollback", "--commit", done, "-p", "project2", "--yes").ok()
    assert company.recorded(PROD2) == before
    assert company.recorded(PROD) == company.recorded(STAGING)


def test_machines_are_told_of_every_project(company, clone, tmp_path):
    rows = clone(*ALL, "--dry-run", "--yes", "-o", "csv").ok().stdout.splitlines()
    assert {row.split(",")[0] for row in rows[1:]} == {PROD, PROD2}

    report = tmp_path / "dotenv"
    names = clone(*ALL, "--yes", "-o", "name", "--report-file", report).ok().stdout.split()
    assert {name.partition("/")[0] for name in names} == {PROD, PROD2}
    assert f"GITOPS_RESULT_ENVIRONMENT={PROD} {PROD2}" in report.read_text().splitlines()
    assert f"GITOPS_RESULT_COMMIT={tip(company)}" in report.read_text().splitlines()
