"""What refuses a `gitops set`: older builds, `--expect`, branches, freezes, protected stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.company import DEV, GITHUB, PROD, STAGING, tip, trailers, with_settings
from tests.state.test_push import hook
from tests.state.world import fingerprint
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

NEW, OTHER = "b" * 40, "c" * 40


def test_an_older_build_that_finishes_last_is_refused(company, gitops):
    old, *_, newest = company.source("authentication").commits
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)
    assert company.recorded(DEV)["authentication"] == newest

    done = checkout("set", f"authentication={old}", "-e", "dev")

    assert done.code == 6
    assert f"{old} is an ancestor of {newest}" in done.stderr
    assert "--allow-older" in done.stderr
    assert company.recorded(DEV)["authentication"] == newest


def test_an_older_build_that_is_overtaken_during_its_push_is_refused(company, gitops):
    """Both pipelines saw the oldest recorded; the newer build's push arrives first."""
    oldest, older, *_, newest = company.source("authentication").commits
    company.push(DEV, {"authentication": oldest})
    seen = git(company.remote, "rev-parse", "main")
    faster = company.push(DEV, {"authentication": newest})
    git(company.remote, "update-ref", "refs/heads/main", seen)
    once = f"mkdir {company.directory}/overtaken 2>/dev/null || exit 0"
    overtake = f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {faster}"
    hook(company.remote, "pre-receive", f"{once}\n{overtake}")
    checkout = gitops.at(company.checkout("authentication")).using(GITOPS_REPO=company.remote)

    done = checkout("set", f"authentication={older}", "-e", "dev")

    assert done.code == 6
    assert f"{older} is an ancestor of {newest}" in done.stderr
    assert git(company.remote, "rev-parse", "main") == faster


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


def test_git_that_takes_bare_repositories_by_name_only_is_told_the_name(company, gitops):
    """With safe.bareRepository the source was unreadable, and an older build went through."""
    source = company.source("authentication")
    with_settings(company, f'[service.authentication]\nsource = "file://{source.remote}"\n')
    with (gitops.home / ".gitconfig").open("a") as config:
        config.write("[safe]\n\tbareRepository = explicit\n")

    words = ("set", f"authentication={source.commits[0]}", "-e", "dev")
    done = gitops.using(GITOPS_REPO=company.remote)(*words)

    assert done.code == 6
    assert "is an ancestor of" in done.stderr


@pytest.mark.parametrize("broken", ["[core", "[extensions]\n\tunheardOf = true\n"])
def test_a_source_that_git_cannot_read_is_named(company, gitops, broken):
    source = company.source("authentication")
    with_settings(company, f'[service.authentication]\nsource = "file://{source.remote}"\n')
    git(source.remote, "config", "core.repositoryFormatVersion", "1")
    with (source.remote / "config").open("a") as config:
        config.write(broken)

    words = ("set", f"authentication={source.commits[0]}", "-e", "dev", "--dry-run")
    done = gitops.using(GITOPS_REPO=company.remote)(*words)

    assert "cannot tell whether" in done.stderr
    assert str(source.remote) in done.stderr


@pytest.mark.parametrize("place", ["checkout", "source"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("v1", "an annotated tag"), ("main^{tree}", "a tree"), ("main:README.md", "a file")],
)
def test_the_hash_of_something_else_is_no_version(company, gitops, place, name, said):
    """It has the form of a commit's, but nobody builds an image of it."""
    source = company.source("authentication")
    files = git(source.remote, "ls-tree", "--name-only", "main").split()
    git(source.remote, "tag", "-a", "-m", "one", "v1", "main")
    told = git(source.remote, "rev-parse", name.replace("README.md", files[0]))
    if place == "source":
        with_settings(company, f'[service.authentication]\nsource = "{source.remote}"\n')
        command = gitops
    else:
        command = gitops.at(company.checkout("authentication"))

    done = command.using(GITOPS_REPO=company.remote)("set", f"authentication={told}", "-e", "dev")

    assert done.code == 2, str(done)
    assert f"is the hash of {said}, not of a commit" in done.stderr
    assert ("authentication=" + git(source.remote, "rev-parse", "main") in done.stderr) == (
        name == "v1"
    )


@pytest.mark.node
def test_a_shallow_checkout_over_ssh_is_helped_and_stays_as_it_is(company, gitops, sshd):
    source = company.source("authentication")
    git(source.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    checkout = shallow(company, source.commits[0])
    git(checkout, "remote", "set-url", "origin", sshd.url(source.remote))
    before = fingerprint(checkout)
    ci = gitops.at(checkout).using(
        GITOPS_REPO=sshd.url(company.remote), GIT_SSH_COMMAND=sshd.git_ssh_command, CI="1"
    )

    done = ci("set", "-e", "dev")

    assert done.code == 6
    assert "is an ancestor of" in done.stderr
    assert fingerprint(checkout) == before


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


def committed(checkout: Path, seconds: int, subject: str = "more") -> str:
    """Commit at so many seconds after the last commit of a checkout; return the commit."""
    at = f"{int(git(checkout, 'log', '-1', '--format=%ct')) + seconds} +0000"
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    git(checkout, "commit", "-q", "--allow-empty", "-m", subject, env=dates)
    return git(checkout, "rev-parse", "HEAD")


def test_a_clone_made_before_the_newer_build_was_pushed_is_refused(company, gitops):
    """The newer commit was made on a machine whose clock is half an hour slow."""
    older = gitops.at(company.checkout("authentication", name="older"))
    newer = gitops.at(company.checkout("authentication", name="newer"))
    recorded = committed(newer.directory, -1800)
    git(newer.directory, "push", "-q", "origin", "HEAD:main")
    newer.using(GITOPS_REPO=company.remote, CI="1")("set", "-e", DEV).ok()
    before = fingerprint(older.directory)

    done = older.using(GITOPS_REPO=company.remote, CI="1")("set", "-e", DEV)

    assert done.code == 6
    assert f"{git(older.directory, 'rev-parse', 'HEAD')} is an ancestor of {recorded}" in (
        done.stderr
    )
    assert company.recorded(DEV)["authentication"] == recorded
    assert fingerprint(older.directory) == before


def two_builds(company: Article, gitops: Gitops, *, apart: int) -> Gitops:
    """Record a commit that no remote has; return a checkout with another, so many seconds later."""
    one = company.checkout("authentication", name="one")
    committed(one, 60)
    gitops.at(one).using(GITOPS_REPO=company.remote)("set", "-e", DEV).ok()
    other = company.checkout("authentication", name="other")
    committed(other, 60 + apart, "another")
    return gitops.at(other).using(GITOPS_REPO=company.remote)


def test_a_decision_by_times_alone_is_said(company, gitops):
    other = two_builds(company, gitops, apart=1)

    done = other("set", "-e", DEV).ok()

    assert "concluded from the times of the two commits alone (made " in done.stderr
    assert "[service.authentication] source" in done.stderr


def test_commits_of_the_same_second_are_in_no_order(company, gitops):
    other = two_builds(company, gitops, apart=0)

    done = other("set", "-e", DEV).ok()

    assert "cannot tell whether" in done.stderr
    assert "alone" not in done.stderr


@pytest.mark.parametrize("apart", [0, 1])
def test_times_do_not_do_where_the_team_requires_ancestry(company, gitops, apart):
    other = two_builds(company, gitops, apart=apart)
    with_settings(company, "[versions]\nrequire_ancestry = true\n")
    before = tip(company)

    done = other("set", "-e", DEV)

    assert done.code == 6
    assert "require_ancestry" in done.stderr
    assert tip(company) == before
    other("set", "-e", DEV, "--allow-older").ok()


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


def test_a_stage_says_for_itself_whether_ancestry_is_required(company, clone):
    strict = "[stage.production]\nrequire_ancestry = true\n"
    with_settings(company, f"{strict}[stage.staging]\nrequire_ancestry = false\n")

    clone("set", f"authentication={NEW}", "-e", STAGING).ok()
    refused = clone("set", f"authentication={NEW}", "-e", PROD)
    clone("set", f"authentication={NEW}", "-e", DEV).ok()

    assert refused.code == 6
    assert "gitops.toml has [stage.production] require_ancestry" in refused.stderr


def test_a_stage_may_be_let_off_what_all_require(company, clone):
    lenient = "[stage.development]\nrequire_ancestry = false\n"
    with_settings(company, f"[versions]\nrequire_ancestry = true\n{lenient}")

    clone("set", f"authentication={NEW}", "-e", DEV).ok()

    assert clone("set", f"authentication={NEW}", "-e", STAGING).code == 6


@pytest.mark.parametrize("expect", ["full", "short", "named"])
def test_expect_is_a_compare_and_swap(company, clone, expect):
    old = company.recorded(DEV)["authentication"]
    word = {"full": old, "short": old[:8], "named": f"authentication={old}"}[expect]

    refused = clone("set", f"authentication={NEW}", "-e", "dev", "--expect", OTHER)
    clone("set", f"authentication={NEW}", "-e", "dev", "--expect", word).ok()

    assert refused.code == 6
    assert f"{old} is recorded, not {OTHER}" in refused.stderr
    assert company.recorded(DEV)["authentication"] == NEW


def test_an_expectation_of_a_service_that_is_not_recorded_is_a_mistake(company, clone):
    before = tip(company)

    done = clone("set", f"billing={OTHER}", "-e", DEV, "--expect", f"biling={'f' * 40}")

    assert done.code == 2
    assert "--expect is about biling, but this records billing" in done.stderr
    assert tip(company) == before


def test_a_dry_run_needs_no_confirmation(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")
    before = tip(company)

    clone("set", f"billing={OTHER}", "-e", "project1-production", "--dry-run").ok()

    assert tip(company) == before


def test_expecting_nothing_is_for_new_services(company, clone):
    assert clone("set", f"authentication={NEW}", "-e", "dev", "--expect", "none").code == 6
    clone("set", f"fresh={NEW}", "-e", DEV, "--new", "--expect", "none").ok()
    assert company.recorded(DEV)["fresh"] == NEW


def test_a_tag_is_expected_as_it_is_written(company, clone):
    with_settings(company, '[versions]\nform = "any"\n')
    clone("set", "fresh=v1.2-RC1", "-e", DEV, "--new").ok()

    assert clone("set", "fresh=v1.2", "-e", DEV, "--expect", "v1.2-rc1").code == 6
    clone("set", "fresh=v1.2", "-e", DEV, "--expect", "v1.2-RC1").ok()


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


def test_a_stale_clone_asks_its_guards_of_the_remotes_tip(company, clone):
    old = company.recorded(DEV)["authentication"]
    company.push(DEV, {"authentication": OTHER})

    refused = clone("set", f"authentication={NEW}", "-e", "dev", "--expect", old)

    assert refused.code == 6
    assert f"{OTHER} is recorded, not {old}" in refused.stderr
    clone("set", f"authentication={NEW}", "-e", "dev", "--expect", OTHER).ok()
