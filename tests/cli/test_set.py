"""`gitops set`, as CI and people use it, on real repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.testbed.article import Article, build
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

DEV, PROD = "project1-development", "project1-production"
NEW, OTHER = "b" * 40, "c" * 40
GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octo",
    "GITHUB_REPOSITORY": "acme/authentication",
    "GITHUB_RUN_ID": "7",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
}


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


def subject(company: Article) -> str:
    return git(company.remote, "log", "-1", "--format=%s", "main")


def trailers(company: Article) -> dict[str, str]:
    text = git(company.remote, "log", "-1", "--format=%(trailers:only,unfold)", "main")
    return dict(line.split(": ", 1) for line in text.splitlines() if line)


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


def test_an_older_build_that_finishes_last_is_refused(company, gitops):
    old, *_, newest = company.source("authentication").commits
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)
    assert company.recorded(DEV)["authentication"] == newest

    done = checkout("set", f"authentication={old}", "-e", "dev")

    assert done.code == 6
    assert f"{old} is an ancestor of {newest}" in done.stderr
    assert "--allow-older" in done.stderr
    assert company.recorded(DEV)["authentication"] == newest


def test_an_older_build_may_be_recorded_by_saying_so(company, gitops):
    old = company.source("authentication").commits[0]
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)

    checkout("set", f"authentication={old}", "-e", "dev", "--allow-older").ok()

    assert company.recorded(DEV)["authentication"] == old
    assert trailers(company)["Gitops-Override"] == "older"


def shallow(company: Article, commit: str) -> Path:
    """Return a CI checkout of depth 1 at a commit."""
    remote = company.source("authentication").remote
    work = company.directory / "shallow" / "authentication"
    work.mkdir(parents=True)
    git(work, "init", "-q")
    git(work, "remote", "add", "origin", f"file://{remote}")
    git(work, "fetch", "-q", "--depth=1", "origin", commit)
    git(work, "checkout", "-q", "FETCH_HEAD")
    return work


def test_a_shallow_checkout_is_helped_by_the_source(company, gitops):
    source = company.source("authentication")
    git(source.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    with_settings(company, f'[service.authentication]\nsource = "file://{source.remote}"\n')
    checkout = shallow(company, source.commits[0])

    done = gitops.at(checkout).using(GITOPS_REPO=company.remote, CI="1")("set", "-e", "dev")

    assert done.code == 6
    assert "is an ancestor of" in done.stderr
    assert git(checkout, "rev-parse", "--is-shallow-repository") == "true"


def test_without_history_the_recorded_source_time_decides(company, gitops):
    """The recorded commit is not in the shallow checkout; its time is in the state repository."""
    source = company.source("authentication")
    git(source.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    newest = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)
    git(newest.directory, "commit", "-q", "--allow-empty", "-m", "newer")
    newest("set", "-e", "dev").ok()
    recorded = company.recorded(DEV)["authentication"]

    checkout = gitops.at(shallow(company, source.commits[-1])).using(GITOPS_REPO=company.remote)
    done = checkout("set", "-e", "dev")

    assert done.code == 6
    assert f"was made before {recorded}" in done.stderr


def test_the_source_time_is_found_behind_a_rollback(company, gitops):
    source = company.source("authentication")
    git(source.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    work = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)
    git(work.directory, "commit", "-q", "--allow-empty", "-m", "newer")
    work("set", "-e", "dev").ok()
    git(work.directory, "commit", "-q", "--allow-empty", "-m", "bad")
    work("set", "-e", "dev").ok()
    work("rollback", "-e", "dev", "--yes").ok()

    checkout = gitops.at(shallow(company, source.commits[-1])).using(GITOPS_REPO=company.remote)
    done = checkout("set", "-e", "dev")

    assert done.code == 6
    assert "was made before" in done.stderr


def test_what_cannot_be_told_is_recorded_with_a_warning(company, clone):
    done = clone("set", f"authentication={NEW}", "-e", "dev").ok()

    assert "cannot tell whether bbbbbbb is newer" in done.stderr


def test_what_cannot_be_told_is_refused_where_the_team_requires_ancestry(company, clone):
    with_settings(company, "[versions]\nrequire_ancestry = true\n")

    done = clone("set", f"authentication={NEW}", "-e", "dev")

    assert done.code == 6
    assert "require_ancestry" in done.stderr
    clone("set", f"authentication={NEW}", "-e", "dev", "--allow-older").ok()


@pytest.mark.parametrize("expect", ["full", "short", "named"])
def test_expect_is_a_compare_and_swap(company, clone, expect):
    old = company.recorded(DEV)["authentication"]
    word = {"full": old, "short": old[:8], "named": f"authentication={old}"}[expect]

    refused = clone("set", f"authentication={NEW}", "-e", "dev", "--expect", OTHER)
    clone("set", f"authentication={NEW}", "-e", "dev", "--expect", word).ok()

    assert refused.code == 6
    assert f"{old} is recorded, not {OTHER}" in refused.stderr
    assert company.recorded(DEV)["authentication"] == NEW


def test_expecting_nothing_is_for_new_services(company, clone):
    assert clone("set", f"authentication={NEW}", "-e", "dev", "--expect", "none").code == 6
    clone("set", f"fresh={NEW}", "-e", DEV, "--expect", "none").ok()
    assert company.recorded(DEV)["fresh"] == NEW


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


def test_a_new_service_with_a_familiar_name_is_questioned(company, clone):
    done = clone("set", f"authentcation={NEW}", "-e", DEV).ok()

    assert "authentcation is new in project1-development: did you mean authentication?" in (
        done.stderr
    )


def test_a_new_service_gets_the_kind_that_is_said(company, clone):
    clone("set", f"cache={NEW}", "-e", DEV, "--kind", "StatefulSet").ok()

    assert git(company.remote, "show", f"main:{DEV}/cache.statefulset") == NEW


def test_a_spoilt_file_is_mended(company, clone):
    company.push(DEV, {"authentication": "<<<<<<< HEAD"})

    clone("set", f"authentication={NEW}", "-e", "dev", "-p", "project1").ok()

    assert company.recorded(DEV)["authentication"] == NEW


def test_only_agreed_branches_are_recorded_by_ci(company, gitops):
    with_settings(company, '[stage.development]\nbranches = ["main", "release/*"]\n')
    checkout = company.checkout("authentication")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    ci = gitops.at(checkout).using(GITOPS_REPO=company.remote, **GITHUB)

    feature = ci.using(GITHUB_REF_NAME="feature/x")("set", "-e", "dev")

    assert feature.code == 6
    assert "gitops.toml:2: project1-development records commits of main, release/*" in (
        feature.stderr
    )
    ci.using(GITHUB_REF_NAME="release/7")("set", "-e", "dev").ok()


def test_a_branch_is_overridden_with_a_reason_only(company, gitops):
    with_settings(company, '[stage.development]\nbranches = ["main"]\n')
    checkout = company.checkout("authentication")
    git(checkout, "checkout", "-q", "-b", "fix")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "newer")
    here = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    assert here("set", "-e", "dev").code == 6
    assert here("set", "-e", "dev", "--override-policy").code == 2
    here("set", "-e", "dev", "--override-policy", "-m", "try it").ok()
    assert trailers(company)["Gitops-Override"] == "policy"
    assert trailers(company)["Gitops-Reason"] == "try it"


def test_a_freeze_refuses_and_names_its_line(company, clone):
    with_settings(
        company, '[stage.production]\nfreeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]\n'
    )

    done = clone("set", f"authentication={NEW}", "-e", "prod", "-o", "json")

    assert done.code == 6
    error = json.loads(done.stderr)
    assert (error["kind"], error["code"], error["exit_code"]) == ("error", "frozen", 6)
    assert error["message"].startswith("gitops.toml:2: production is frozen until")
    clone("set", f"authentication={NEW}", "-e", "prod", "--override-freeze", "-m", "now").ok()


def test_a_protected_stage_is_confirmed_by_its_name_and_a_reason(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    command = ("set", f"authentication={NEW}", "-e", "prod")

    assert clone(*command, "--yes").code == 2
    assert clone(*command, "--confirm", PROD).code == 2
    assert clone(*command, "--confirm", DEV, "-m", "why").code == 2
    clone(*command, "--confirm", PROD, "-m", "why").ok()
    assert company.recorded(PROD)["authentication"] == NEW


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


def test_a_stale_clone_asks_its_guards_of_the_remotes_tip(company, clone):
    old = company.recorded(DEV)["authentication"]
    company.push(DEV, {"authentication": OTHER})

    refused = clone("set", f"authentication={NEW}", "-e", "dev", "--expect", old)

    assert refused.code == 6
    assert f"{OTHER} is recorded, not {old}" in refused.stderr
    clone("set", f"authentication={NEW}", "-e", "dev", "--expect", OTHER).ok()


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
