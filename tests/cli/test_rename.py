"""`gitops rename`: a service has another name everywhere at once, and its past."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.past.commits import RENAME
from tests.cli.company import DEV, PROD, STAGING, tip, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

NEW, OLD = "a" * 40, "b" * 40
PROTECTED = "[stage.staging]\nprotected = true\n[stage.production]\nprotected = true\n"


def settings(company: Article) -> str:
    return git(company.remote, "show", "main:gitops.toml")


def test_all_environments_of_its_project_get_the_new_name_in_one_commit(company, clone):
    with_settings(company, '[service.billing]  # who pays\nsource = "/src/billing"\n')
    before, versions = tip(company), company.recorded(PROD)

    done = clone("rename", "billing", "invoices", "--yes", "-m", "clearer", "-o", "json").ok()

    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert settings(company) == '[service.invoices]  # who pays\nsource = "/src/billing"'
    version = versions.pop("billing")
    assert company.recorded(PROD) == {**versions, "invoices": version}
    assert trailers(company)["Gitops-Env"] == f"{DEV}, {STAGING}, {PROD}"
    document = done.json()
    assert [e["environment"] for e in document["environments"]] == [DEV, STAGING, PROD]
    assert document["settings"] == "renamed"


def test_what_stays_in_the_cluster_is_said(company, clone):
    done = clone("rename", "billing", "invoices", "-e", "dev", "--yes").ok()

    assert f"kubectl -n {DEV} delete deployment billing" in done.stderr
    assert '[service.invoices] workload = "billing"' in done.stderr
    assert "registry.example.com/project1/invoices:" in done.stderr
    assert "billing" in company.recorded(PROD)


def test_a_rollback_goes_to_before_the_rename(company, clone):
    company.push(PROD, {"billing": OLD})
    company.push(PROD, {"billing": NEW})
    clone("rename", "billing", "invoices", "--yes").ok()

    clone("rollback", "invoices", "-e", PROD, "--yes").ok()

    assert company.recorded(PROD)["invoices"] == OLD
    past = clone("history", "invoices", "-e", PROD, "-o", "json").ok().json()["entries"]
    told = [(entry["service"], entry["action"]) for entry in past]
    assert told[:2] == [("invoices", "rollback"), ("invoices", "rename")]
    assert {service for service, _ in told[2:]} == {"billing"}


def test_what_runs_may_keep_its_name(company, clone):
    clone("rename", "billing", "invoices", "--yes", "--keep-workload").ok()

    assert settings(company) == '[service.invoices]\nworkload = "billing"'


def test_a_service_that_stays_elsewhere_keeps_its_table(company, clone):
    with_settings(company, '[service.billing]\nsource = "/src/billing"\n')

    clone("rename", "billing", "invoices", "-e", "dev", "--yes").ok()
    refused = clone("rename", "billing", "bills", "-e", STAGING, "--yes", "--keep-workload")

    assert settings(company).count('source = "/src/billing"') == 2
    assert refused.code == 2
    assert PROD in refused.stderr


def test_a_service_of_several_projects_needs_one(company, clone):
    refused = clone("rename", "frontend", "web", "--yes")
    clone("rename", "frontend", "web", "-p", "project2", "--yes").ok()

    assert (refused.code, "project1, project2" in refused.stderr) == (2, True)
    assert "frontend" in company.recorded(DEV)
    assert "web" in company.recorded("project2-development")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["biling", "invoices"], "did you mean `billing`"),
        (["billing", "orders"], "orders already"),
        (["billing", "billing"], "called so already"),
        (["billing", "../x"], "../x"),
        (["billing", "invoices", "-e", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_meant_is_refused(company, clone, words, said):
    before = tip(company)

    done = clone("rename", *words, "--yes")

    assert done.code == 2
    assert said in done.stderr
    assert tip(company) == before


def test_a_lock_holds_it_up_and_moves_along(company, clone):
    clone("lock", "billing", "-e", PROD, "-m", "incident 7").ok()

    refused = clone("rename", "billing", "invoices", "--yes")
    clone("rename", "billing", "invoices", "--yes", "--override-lock", "-m", "it is known").ok()

    assert (refused.code, f"{PROD}/billing.lock:1" in refused.stderr) == (6, True)
    assert "incident 7" in git(company.remote, "show", f"main:{PROD}/invoices.lock")
    assert trailers(company)["Gitops-Override"] == "lock"


def test_every_protected_environment_is_confirmed_by_its_name(company, clone):
    with_settings(company, PROTECTED)
    words = ["rename", "billing", "invoices", "-m", "clearer"]

    asked = clone(*words, "--yes")
    one = clone(*words, "--confirm", PROD)
    clone(*words, "--confirm", f"{STAGING},{PROD}").ok()

    assert (asked.code, f"--confirm {STAGING},{PROD}" in asked.stderr) == (2, True)
    assert one.code == 2
    assert "invoices" in company.recorded(PROD)


def test_nothing_is_renamed_unasked(company, clone):
    before = tip(company)

    asked = clone("rename", "billing", "invoices")
    shown = clone("rename", "billing", "invoices", "--dry-run").ok()

    assert (asked.code, "--yes" in asked.stderr) == (2, True)
    assert "would rename billing to invoices in 3 environments" in shown.stdout
    assert tip(company) == before


def test_a_version_recorded_meanwhile_moves_along(company: Article, clone: Gitops):
    company.push(PROD, {"billing": NEW})  # the clone does not know it

    clone("rename", "billing", "invoices", "--yes").ok()

    assert company.recorded(PROD)["invoices"] == NEW


def test_what_has_the_name_is_taken_away_by_the_line_that_is_said(company, clone):
    work = company.clone("by-hand")
    (work / DEV / "locked.lock").write_text("")
    (work / DEV / "broken.deployment").write_text("two\nlines\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "By hand")
    git(work, "push", "-q")

    def hint(name: str) -> list[str]:
        done = clone("rename", "billing", name, "-e", DEV, "--yes")
        assert done.code == 2
        return done.stderr.split("`")[1].split()

    clone(*hint("locked")[1:]).ok()
    git(work, "pull", "-q")
    git(work, *hint("broken")[1:])
    git(work, "commit", "-qm", "Mend")
    git(work, "push", "-q")
    clone("rename", "billing", "locked", "-e", DEV, "--yes").ok()
    clone("rename", "orders", "broken", "-e", DEV, "--yes").ok()


def recorded(clone: Gitops, service: str, environment: str) -> dict[str, str]:
    """Return when, by whom and in which commit a version was recorded; env show says the same."""
    [project] = clone("status", service, "-e", environment, "-o", "json").ok().json()["projects"]
    [cell] = project["services"][0]["environments"]
    shown = clone("env", "show", environment, "-o", "json").ok().json()["services"]
    found = {key: cell[key] for key in ("changed_at", "changed_by", "commit")}
    [listed] = [each for each in shown if each["service"] == service]
    assert found.items() <= listed.items()
    return found


def test_a_version_is_as_old_as_it_was_under_its_name_before(company, clone):
    before = recorded(clone, "billing", PROD)

    clone("rename", "billing", "invoices", "--yes").ok()
    clone("rename", "invoices", "bills", "--yes").ok()

    assert recorded(clone, "bills", PROD) == before
    assert recorded(clone, "bills", PROD) == before, "by what is remembered"
    [memory] = Path(clone.environment["XDG_CACHE_HOME"], "gitops-cli/changes").glob("*-renamed.*")
    memory.write_text('{"x": 1}')
    assert recorded(clone, "bills", PROD) == before
    company.push(PROD, {"bills": NEW})
    assert recorded(clone, "bills", PROD)["commit"] == tip(company)


def test_a_version_is_as_old_as_it_was_in_its_environment_before(company, clone):
    before = recorded(clone, "billing", DEV)
    clone("env", "rename", DEV, "project1-qa", "--yes", "--confirm", DEV).ok()
    assert recorded(clone, "billing", "project1-qa") == before


def test_a_commit_says_that_it_renames_by_one_word():
    assert Verb.RENAME.value == RENAME


def test_what_a_rename_or_a_removal_says_is_in_its_row_and_no_reason(company, clone):
    clone("env", "copy", STAGING, "project1-qa").ok()
    clone("rename", "billing", "invoices", "-e", "project1-qa", "--yes").ok()
    clone("env", "remove", "project1-qa", "--confirm", "project1-qa").ok()
    clone("remove", "billing", "-e", DEV, "--yes", "-m", "nobody pays").ok()

    entries = clone("history", "-n", "20", "-o", "json").ok().json()["entries"]

    why = {entry["action"]: entry["reason"] for entry in reversed(entries)}
    assert {why[action] for action in ("env", "rename")} == {""}
    assert [e["reason"] for e in entries if e["action"] == "remove"][:2] == ["nobody pays", ""]
