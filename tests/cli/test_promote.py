"""`gitops promote`, as scripts call it."""

from __future__ import annotations

import json

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, trailers, with_settings, with_sources
from tests.testbed.article import Article
from tests.testbed.git import Commit, add_commits, git

OTHER = "c" * 40


def test_a_service_is_promoted_between_named_stages(company, clone):
    wanted = company.recorded(DEV)["authentication"]
    others = {s: v for s, v in company.recorded(PROD).items() if s != "authentication"}

    done = clone("promote", "authentication", "--from", "dev", "--to", "prod", "--yes").ok()

    found = company.recorded(PROD)
    assert found.pop("authentication") == wanted
    assert found == others
    assert "Promote from project1-development to project1-production" in done.stdout
    assert trailers(company)["Gitops-From"] == DEV


def test_all_services_are_one_commit(company, clone):
    before = tip(company)

    clone("promote", "--all", "--to", STAGING, "--yes").ok()

    assert company.recorded(STAGING) == company.recorded(DEV)
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"


def test_the_stage_before_is_where_it_comes_from(company, clone):
    clone("promote", "authentication", "--to", "prod", "--yes").ok()

    assert company.recorded(PROD)["authentication"] == company.recorded(STAGING)["authentication"]


def test_globs_choose_services(company, clone):
    before = company.recorded(STAGING)

    clone("promote", "--only", "*t*", "--exclude", "frontend", "--to", STAGING, "--yes").ok()

    changed = {s for s, v in company.recorded(STAGING).items() if v != before[s]}
    assert changed == {"authentication"}


def test_nothing_to_promote_is_fine(company, clone):
    clone("promote", "--all", "--to", STAGING, "--yes").ok()
    before = tip(company)

    done = clone("promote", "--all", "--to", STAGING, "--yes").ok()

    assert "nothing to do: project1-staging is up to date with project1-development" in done.stdout
    assert tip(company) == before


def test_a_dry_run_shows_the_plan_and_writes_nothing(company, clone):
    before = tip(company)

    done = clone("promote", "--all", "--to", STAGING, "--dry-run").ok()

    assert [line.split()[0] for line in done.stdout.splitlines()[2:6]] == sorted(
        company.recorded(DEV)
    )
    assert "would write: project1-staging: 4 services from project1-development" in done.stdout
    assert tip(company) == before


def test_a_service_that_is_missing_is_added_with_the_kind_of_the_source(company, clone):
    work = company.clone("by-hand")
    (work / DEV / "cache.statefulset").write_text(OTHER + "\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "cache")
    git(work, "push", "-q")

    document = (
        clone("promote", "cache", "--from", "dev", "--to", "prod", "--yes", "-o", "json")
        .ok()
        .json()
    )

    assert git(company.remote, "show", f"main:{PROD}/cache.statefulset") == OTHER
    assert document["changes"][0]["action"] == "add"
    assert document["changes"][0]["from"] is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["--to", PROD], "name them, or pass --all", id="which services"),
        pytest.param(["authentication"], "pass --to", id="where to"),
        pytest.param(["nope", "--to", PROD], "has no service `nope`", id="unknown service"),
        pytest.param(["--all", "--to", "qa"], "no environment or stage `qa`", id="unknown stage"),
        pytest.param(["--all", "--to", DEV], "no stage comes before", id="first stage"),
        pytest.param(["--all", "--from", PROD, "--to", PROD], "to itself", id="itself"),
        pytest.param(["authentication", "--all", "--to", PROD], "exclude each other", id="both"),
        pytest.param(["authentication", "--to", PROD], "pass --yes", id="no consent"),
    ],
)
def test_a_script_is_told_what_is_missing(company, clone, arguments, why):
    before = tip(company)

    done = clone("promote", *arguments)

    assert done.code == 2
    assert why in done.stderr
    assert tip(company) == before


def test_the_plan_tells_commits_and_authors(company, clone):
    with_sources(company)
    commits = company.source("authentication").commits

    done = clone(
        "promote", "authentication", "--from", "dev", "--to", "prod", "--dry-run", "-o", "json"
    )

    [change] = done.ok().json()["changes"]
    assert (change["relation"], change["ahead"], change["behind"]) == ("ahead", 2, 0)
    assert [commit["hash"] for commit in change["commits"]] == [commits[3], commits[2]]
    assert len(change["authors"]) == 2


def test_a_downgrade_is_shown_as_one(company, clone):
    with_sources(company)

    done = clone("promote", "authentication", "--from", "prod", "--to", DEV, "--dry-run").ok()

    assert "2 behind (downgrade!)" in done.stdout


def test_a_downgrade_is_not_agreed_to_by_the_way(company, clone):
    with_sources(company)
    back = ("promote", "authentication", "--from", "prod", "--to", DEV, "--yes")
    before = tip(company)

    refused = clone(*back)
    assert refused.code == 6
    assert "--allow-older" in refused.stderr
    assert tip(company) == before

    clone(*back, "--allow-older").ok()
    assert tip(company) != before


def test_a_person_is_asked_about_exactly_that(company, clone):
    with_sources(company)

    with clone.terminal("promote", "authentication", "--from", "prod", "--to", DEV) as terminal:
        terminal.wait_for("to an OLDER one?")
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0


def test_a_plan_in_markdown_is_for_pull_requests(company, clone):
    done = clone("promote", "--all", "--to", STAGING, "--dry-run", "-o", "markdown").ok()

    assert "### Promote from project1-development to project1-staging" in done.stdout
    assert "| service | now | new | commits | authors | compare |" in done.stdout


def test_the_compare_link_leads_to_the_forge(company, clone):
    page = "https://github.com/acme/authentication"
    rewritten = f"url.file://{company.source('authentication').remote}.insteadOf"
    git(clone.home, "config", "--file", clone.home / ".gitconfig", rewritten, page)
    with_settings(company, f'[service.authentication]\nsource = "{page}"\n')
    old, new = (company.recorded(each)["authentication"] for each in (PROD, DEV))
    command = ("promote", "authentication", "--from", "dev", "--to", "prod", "--dry-run")

    shown = {form: clone(*command, "-o", form).ok().stdout for form in ("markdown", "json", "yaml")}

    for text in shown.values():
        assert f"{page}/compare/{old}...{new}" in text


def test_policy_names_the_line_and_the_override(company, clone):
    with_settings(company, '[stage.production]\npromote_from = ["staging"]\n')
    command = ("promote", "authentication", "--from", "dev", "--to", "prod", "--yes")

    refused = clone(*command)

    assert refused.code == 6
    assert "gitops.toml:2: production takes promotions from staging" in refused.stderr
    assert "--override-policy" in refused.stderr
    clone(*command, "--override-policy", "-m", "incident 7").ok()
    assert trailers(company)["Gitops-Override"] == "policy"


@pytest.mark.parametrize("version", ["36a03b3", "A" * 40, "v1.2.3"])
def test_what_is_no_full_hash_is_not_passed_on(company, clone, version):
    company.push(STAGING, {"authentication": version})
    command = ("promote", "authentication", "--to", "prod", "-p", "project1", "--yes")
    before = company.recorded(PROD)

    refused = clone(*command)

    assert refused.code == 6
    assert f"authentication: `{version}` is not a full commit hash" in refused.stderr
    assert company.recorded(PROD) == before
    with_settings(company, '[versions]\nform = "any"\n')
    clone(*command).ok()


def test_a_source_that_cannot_be_asked_is_told(company, clone):
    with_settings(company, '[service.authentication]\nsource = "https://127.0.0.1:9/x"\n')

    promoted = clone("promote", "authentication", "--to", PROD, "--dry-run").ok()
    looked = clone("status", "authentication", "-p", "project1").ok()

    for done in (promoted, looked):
        assert "what lies between versions is not known: cannot fetch" in done.stderr
        assert "https://127.0.0.1:9/x" in done.stderr


def test_a_lock_pushed_a_moment_ago_counts(company, clone):
    colleague = clone.at(company.clone("colleague"))
    colleague("lock", "authentication", "-e", PROD, "-m", "incident").ok()

    done = clone("promote", "authentication", "--from", "dev", "--to", "prod", "--yes")

    assert done.code == 6
    assert "authentication in project1-production is locked by Ada Lovelace" in done.stderr


def test_a_service_that_is_locked_stops_no_other(company, clone):
    clone("lock", "authentication", "-e", PROD, "-m", "incident").ok()

    clone("promote", "billing", "--from", "dev", "--to", "prod", "--yes").ok()


def test_in_a_services_checkout_only_the_stage_is_said(company, gitops):
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)

    checkout("promote", "--to", "prod", "--yes").ok()

    assert company.recorded(PROD)["authentication"] == company.recorded(STAGING)["authentication"]


def test_a_stale_clone_promotes_what_the_remote_says(company, clone):
    company.push(DEV, {"authentication": OTHER})

    clone("promote", "authentication", "--from", "dev", "--to", "prod", "--yes").ok()

    assert company.recorded(PROD)["authentication"] == OTHER


def test_in_ci_nobody_is_asked_even_on_a_terminal(company, clone):
    with clone.using(CI="1").terminal("promote") as screen:
        assert screen.finish() == 2
        assert "pass --to" in screen.text


def test_an_error_in_json_mode_is_a_document(clone):
    done = clone("promote", "nope", "--to", PROD, "-o", "json")

    assert done.stdout == ""
    assert json.loads(done.stderr)["code"] == "unknown-service"


def test_other_projects_versions_are_questioned(company, clone):
    done = clone(
        "promote", "frontend", "--from", "project2-development", "--to", PROD, "--dry-run"
    ).ok()

    assert "project2-development and project1-production are of different projects" in done.stderr


@pytest.fixture
def broken(company: Article) -> Article:
    """Return the company with an unfinished merge in billing of development."""
    company.push(DEV, {"billing": f"<<<<<<< HEAD\n{OTHER}"})
    return company


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(["--all"], id="all"),
        pytest.param(["--only", "*"], id="only"),
        pytest.param(["--only", "b*"], id="only that"),
        pytest.param(["--exclude", "zzz"], id="exclude another"),
        pytest.param(["--all", "--exclude", "zzz"], id="all, exclude another"),
        pytest.param(["billing"], id="named"),
        pytest.param(["authentication", "billing"], id="named with another"),
    ],
)
def test_a_broken_file_of_the_selection_is_not_left_out_in_silence(broken, clone, which):
    before = tip(broken)

    done = clone("promote", *which, "--from", DEV, "--to", STAGING, "--yes")

    assert done.code == 2
    assert f"{DEV}/billing.deployment:1: holds the marks of an unfinished merge" in done.stderr
    if not which[0].isalpha():
        assert "--exclude 'billing'" in done.stderr
    assert tip(broken) == before


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(["--all", "--exclude", "billing"], id="all"),
        pytest.param(["--exclude", "b*"], id="exclude"),
        pytest.param(["--only", "authentication", "--only", "orders"], id="only others"),
        pytest.param(["authentication", "orders", "frontend"], id="named"),
    ],
)
def test_a_broken_file_outside_the_selection_stops_nothing(broken, clone, which):
    billing, source = broken.recorded(STAGING)["billing"], broken.recorded(DEV)

    clone("promote", *which, "--from", DEV, "--to", STAGING, "--yes").ok()

    found = broken.recorded(STAGING)
    assert found["billing"] == billing
    assert found["authentication"] == source["authentication"]


def test_a_name_that_stands_twice_is_not_promoted(company, clone):
    files: dict[str, str | None] = {f"{DEV}/billing.statefulset": f"{OTHER}\n"}
    now = int(git(company.remote, "log", "-1", "--format=%ct", "main")) + 60
    add_commits(company.remote, [Commit("Twice", files, now)])

    done = clone("promote", "billing", "--from", DEV, "--to", STAGING, "--yes")

    assert done.code == 2
    assert f"{DEV}/billing.statefulset:1: `billing` stands here and in" in done.stderr


def test_a_terminal_is_told_what_it_cannot_choose(broken, clone):
    with clone.terminal("promote", "--from", DEV, "--to", STAGING) as screen:
        screen.wait_for("Promote what from project1-development to project1-staging?")
        shown = screen.text
        screen.press("ctrl-c")

        assert screen.finish() == 130
    assert f"left out: {DEV}/billing.deployment:1: holds the marks" in shown
