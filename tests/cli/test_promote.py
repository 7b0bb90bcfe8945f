"""`gitops promote`: scripts, people at a terminal, and what happens in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.testbed.article import Article, build
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Terminal

DEV, STAGING, PROD = (f"project1-{stage}" for stage in ("development", "staging", "production"))
OTHER = "c" * 40


@pytest.fixture
def company(tmp_path: Path) -> Article:
    return build(tmp_path / "article")


@pytest.fixture
def clone(company: Article, gitops: Gitops) -> Gitops:
    return gitops.at(company.clone())


def with_settings(company: Article, text: str) -> None:
    """Push a gitops.toml, as a colleague does."""
    work = company.clone("settings")
    (work / "gitops.toml").write_text(text)
    git(work, "add", "gitops.toml")
    git(work, "commit", "-qm", "Agree")
    git(work, "push", "-q")


def with_sources(company: Article, more: str = "") -> None:
    names = sorted(name for project, name in company.sources if project == "project1")
    tables = (
        f'[service.{name}]\nsource = "file://{company.source(name).remote}"\n' for name in names
    )
    with_settings(company, more + "".join(tables))


def tip(company: Article) -> str:
    return git(company.remote, "rev-parse", "main")


def trailers(company: Article) -> dict[str, str]:
    text = git(company.remote, "log", "-1", "--format=%(trailers:only,unfold)", "main")
    return dict(line.split(": ", 1) for line in text.splitlines() if line)


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


def test_a_plan_in_markdown_is_for_pull_requests(company, clone):
    done = clone("promote", "--all", "--to", STAGING, "--dry-run", "-o", "markdown").ok()

    assert "### Promote from project1-development to project1-staging" in done.stdout
    assert "| service | from | to | commits | authors | compare |" in done.stdout


def test_policy_names_the_line_and_the_override(company, clone):
    with_settings(company, '[stage.production]\npromote_from = ["staging"]\n')
    command = ("promote", "authentication", "--from", "dev", "--to", "prod", "--yes")

    refused = clone(*command)

    assert refused.code == 6
    assert "gitops.toml:2: production takes promotions from staging" in refused.stderr
    assert "--override-policy" in refused.stderr
    clone(*command, "--override-policy", "-m", "incident 7").ok()
    assert trailers(company)["Gitops-Override"] == "policy"


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


# At a terminal


def test_missing_arguments_are_asked_for(company, clone):
    with clone.terminal("promote") as screen:
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
        "gitops promote authentication billing --from project1-development --to project1-staging"
        in " ".join(shown.split())
    )


def test_declined_is_one_and_writes_nothing(company, clone):
    before = tip(company)
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        screen.type("n")
        screen.press("enter")

        assert screen.finish() == 1
    assert tip(company) == before


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


def test_in_ci_nobody_is_asked_even_on_a_terminal(company, clone):
    with clone.using(CI="1").terminal("promote") as screen:
        assert screen.finish() == 2
        assert "pass --to" in screen.text


def test_an_error_in_json_mode_is_a_document(clone):
    done = clone("promote", "nope", "--to", PROD, "-o", "json")

    assert done.stdout == ""
    assert json.loads(done.stderr)["code"] == "unknown-service"


# By a branch that somebody merges


def branch_tip(company: Article) -> str:
    return git(company.remote, "rev-parse", f"gitops/promote/{PROD}")


def test_a_stage_of_pull_requests_gets_a_branch(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before = tip(company)

    document = clone("promote", "authentication", "--to", PROD, "--yes", "-o", "json").ok().json()

    assert tip(company) == before
    assert document["branch"] == f"gitops/promote/{PROD}"
    assert document["commit"] == branch_tip(company)
    assert git(company.remote, "rev-parse", f"{branch_tip(company)}^") == before
    wanted = company.recorded(STAGING)["authentication"]
    shown = git(company.remote, "show", f"{branch_tip(company)}:{PROD}/authentication.deployment")
    assert shown == wanted


def test_a_stage_of_pull_requests_is_written_at_once_by_saying_so(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    command = ("promote", "authentication", "--to", PROD, "--yes")

    clone(*command, "--override-policy", "-m", "incident").ok()

    assert company.recorded(PROD)["authentication"] == company.recorded(STAGING)["authentication"]
    assert trailers(company)["Gitops-Override"] == "policy"


def test_pull_requests_agreed_on_while_a_person_thinks_count(company, clone):
    before = company.recorded(PROD)
    with clone.terminal("promote", "authentication", "--to", PROD) as screen:
        screen.wait_for("Promote 1 service to project1-production?")
        with_settings(company, '[stage.production]\nmode = "pr"\n')
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 6
        assert "production is changed by pull requests" in screen.text
    assert company.recorded(PROD) == before


def test_a_branch_is_asked_for_with_an_option(company, clone):
    before = tip(company)

    done = clone("promote", "--all", "--to", PROD, "--yes", "--pr").ok()

    assert tip(company) == before
    assert f"pushed gitops/promote/{PROD}" in done.stdout
    assert f"open a pull request: of gitops/promote/{PROD} into main" in done.stdout


def test_a_repeated_proposal_replaces_the_one_before(company, clone):
    command = ("promote", "authentication", "--to", PROD, "--yes", "--pr", "-o", "json")
    at = [
        clone.using(GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
        for moment in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    ]
    at[0](*command).ok()
    first = branch_tip(company)

    for same_second_or_later in at:
        again = same_second_or_later(*command).ok().json()
        assert (again["changed"], branch_tip(company)) == (False, first)

    company.push(STAGING, {"authentication": OTHER})
    clone(*command).ok()

    assert branch_tip(company) != first
    assert git(company.remote, "rev-parse", f"{branch_tip(company)}^") == tip(company)


def test_a_dry_run_of_a_proposal_writes_nothing(company, clone):
    done = clone("promote", "--all", "--to", PROD, "--pr", "--dry-run").ok()

    assert f"would push gitops/promote/{PROD}" in done.stdout
    assert git(company.remote, "branch", "--list", "gitops/*") == ""


def test_what_is_changed_by_pull_requests_is_not_set_at_once(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    command = ("set", f"authentication={OTHER}", "-e", PROD)

    assert clone(*command).code == 6
    clone(*command, "--override-policy", "-m", "incident").ok()


def test_a_repository_without_a_remote_gets_the_branch_too(company, gitops):
    alone = company.clone("alone")
    git(alone, "remote", "remove", "origin")

    gitops.at(alone)("promote", "authentication", "--to", PROD, "--yes", "--pr").ok()

    assert git(alone, "rev-parse", f"gitops/promote/{PROD}^") == git(alone, "rev-parse", "main")
    assert git(alone, "status", "--porcelain") == ""


def test_a_proposal_through_an_url(company, gitops, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = gitops.at(tmp_path / "elsewhere").using(GITOPS_REPO=f"file://{company.remote}")

    for _ in range(2):
        elsewhere("promote", "authentication", "--to", PROD, "--yes", "--pr").ok()

    assert git(company.remote, "rev-parse", f"{branch_tip(company)}^") == tip(company)


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


def test_other_projects_versions_are_questioned(company, clone):
    done = clone(
        "promote", "frontend", "--from", "project2-development", "--to", PROD, "--dry-run"
    ).ok()

    assert "project2-development and project1-production are of different projects" in done.stderr


def test_a_server_that_refuses_the_branch_is_told(company, clone):
    hook = company.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho only releases >&2\nexit 1\n")
    hook.chmod(0o755)

    done = clone("promote", "authentication", "--to", PROD, "--yes", "--pr")

    assert done.code == 3
    assert "only releases" in done.stderr


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
