"""Promotions that are proposed on a branch, for a pull request."""

from __future__ import annotations

from tests.cli.company import PROD, STAGING, tip, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git

OTHER = "c" * 40


# By a branch that somebody merges


BRANCH = f"gitops/promote/{PROD}+authentication"


def branch_tip(company: Article, branch: str = BRANCH) -> str:
    return git(company.remote, "rev-parse", branch)


def test_a_stage_of_pull_requests_gets_a_branch(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before = tip(company)

    document = clone("promote", "authentication", "--to", PROD, "--yes", "-o", "json").ok().json()

    assert tip(company) == before
    assert document["branch"] == BRANCH
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


def test_a_repeated_proposal_takes_no_commit_of_others_away(company, clone):
    command = ("promote", "authentication", "--to", PROD, "--yes", "--pr")
    clone(*command).ok()
    company.push(STAGING, {"authentication": OTHER})
    work = company.clone("reviewer")
    git(work, "checkout", "-q", BRANCH)
    git(work, "merge", "-q", "--no-ff", "-m", "Merge main", "origin/main")
    git(work, "push", "-q")
    clone(*command).ok()  # a merge of what the state has is nothing of its own

    git(work, "fetch", "-q")
    git(work, "reset", "-q", "--hard", f"origin/{BRANCH}")
    (work / "notes [1].md").write_text("see below\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "Say why")
    git(work, "push", "-q")
    added = branch_tip(company)
    company.push(STAGING, {"authentication": "d" * 40})

    refused = clone(*command)
    assert refused.code == 3
    assert f"would take away: {added[:7]} Say why (" in refused.stderr
    assert f"--delete {BRANCH}`" in refused.stderr
    assert branch_tip(company) == added

    git(work, "checkout", "-q", "main")
    git(work, "pull", "-q")
    git(work, "merge", "-q", "--squash", added)
    git(work, "commit", "-qm", "As one")
    git(work, "push", "-q")
    clone(*command).ok()  # the state has it by another commit
    assert git(company.remote, "rev-parse", f"{branch_tip(company)}^") == tip(company)


def test_a_proposal_leaves_alone_what_others_propose(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n[commit]\nskip_ci = true\n')
    for services in (["authentication"], ["billing"], ["--all"], ["orders", "billing"]):
        clone("promote", *services, "--to", PROD, "--yes").ok()

    prefix = f"gitops/promote/{PROD}"
    assert changed(company, BRANCH) == ["authentication"]
    assert changed(company, f"{prefix}+billing") == ["billing"]
    assert changed(company, f"{prefix}+billing+orders") == ["billing", "orders"]
    assert changed(company, prefix) == ["authentication", "billing", "frontend", "orders"]
    subject = git(company.remote, "log", "-1", "--format=%s", BRANCH)
    assert "[skip ci]" not in subject, "the request's checks have to run"


def changed(company: Article, branch: str) -> list[str]:
    """Return the services that the branch's one commit changes."""
    assert git(company.remote, "rev-parse", f"{branch}^") == tip(company)
    names = git(company.remote, "diff", "--name-only", "main", branch).splitlines()
    return [name.removeprefix(f"{PROD}/").removesuffix(".deployment") for name in names]


def test_a_dry_run_of_a_proposal_writes_nothing(company, clone):
    done = clone("promote", "--all", "--to", PROD, "--pr", "--dry-run").ok()

    assert f"would push gitops/promote/{PROD}" in done.stdout
    assert git(company.remote, "branch", "--list", "gitops/*") == ""


def test_what_is_changed_by_pull_requests_is_set_at_once_by_saying_so_only(company, clone):
    with_settings(company, '[stage.production]\nmode = "pr"\n')
    before, command = tip(company), ("set", f"authentication={OTHER}", "-e", PROD)

    clone(*command).ok()
    assert tip(company) == before
    clone(*command, "--override-policy", "-m", "incident").ok()
    assert tip(company) != before


def test_a_repository_without_a_remote_gets_the_branch_too(company, gitops):
    alone = company.clone("alone")
    git(alone, "remote", "remove", "origin")

    gitops.at(alone)("promote", "authentication", "--to", PROD, "--yes", "--pr").ok()

    assert git(alone, "rev-parse", f"{BRANCH}^") == git(alone, "rev-parse", "main")
    assert git(alone, "status", "--porcelain") == ""


def test_a_proposal_through_an_url(company, gitops, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = gitops.at(tmp_path / "elsewhere").using(GITOPS_REPO=f"file://{company.remote}")

    for _ in range(2):
        elsewhere("promote", "authentication", "--to", PROD, "--yes", "--pr").ok()

    assert git(company.remote, "rev-parse", f"{branch_tip(company)}^") == tip(company)


def test_a_server_that_refuses_the_branch_is_told(company, clone):
    hook = company.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho only releases >&2\nexit 1\n")
    hook.chmod(0o755)

    done = clone("promote", "authentication", "--to", PROD, "--yes", "--pr")

    assert done.code == 3
    assert "only releases" in done.stderr
