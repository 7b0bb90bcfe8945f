"""`gitops env remove` and `env rename`: one commit, and what stays in the cluster is said."""

from __future__ import annotations

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

OLD, NEW = "a" * 40, "b" * 40
QA = "project1-qa"


def environments(company: Article) -> list[str]:
    names = git(company.remote, "ls-tree", "-d", "--name-only", "main").split()
    return [name for name in names if name.startswith("project1-")]


def commits_since(company: Article, before: str) -> str:
    return git(company.remote, "rev-list", "--count", f"{before}..main")


def push_files(company: Article, files: dict[str, str]) -> None:
    work = company.clone("colleague")
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git(work, "add", ".")
    git(work, "commit", "-qm", "By hand")
    git(work, "push", "-q")


def test_an_environment_leaves_the_record_with_all_it_holds(company, clone):
    push_files(company, {f"{STAGING}/manifests/x.yaml": "a: 1\n", f"{STAGING}/notes/y.md": "y\n"})
    before = tip(company)

    done = clone("env", "remove", STAGING, "--confirm", STAGING, "-m", "over").ok()

    assert environments(company) == [DEV, PROD]
    assert commits_since(company, before) == "1"
    assert trailers(company)["Gitops-Reason"] == "over"
    assert f"kubectl delete namespace {STAGING}" in done.stderr
    assert f"gitops agent uninstall {STAGING}" in done.stderr


def test_the_yes_that_scripts_say_to_all_is_none_to_this_and_told_what_is(company, clone):
    before = tip(company)
    refused = clone("env", "remove", STAGING, "--yes")
    assert (refused.code, tip(company)) == (2, before)
    assert f"pass --confirm {STAGING}" in refused.stderr


def test_the_line_that_brings_it_back_does_so(company, clone):
    before = git(company.remote, "rev-parse", f"main:{STAGING}")
    done = clone("env", "remove", STAGING, "--confirm", STAGING).ok()
    [line] = [line for line in done.stderr.splitlines() if "git revert" in line]

    git(clone.directory, "revert", "--no-edit", line.split()[-1])

    assert git(clone.directory, "rev-parse", f"HEAD:{STAGING}") == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["remove", STAGING, "--confirm", PROD], 2),
        (["remove", STAGING], 2),
        (["remove", "stag", "--confirm", "stag"], 2),
        (["remove", STAGING, "--yes"], 2),
        (["rename", STAGING, PROD, "--yes"], 2),
        (["rename", STAGING, "sync-agent", "--yes"], 2),
        (["rename", STAGING, "Nope", "--yes"], 2),
        (["rename", STAGING, "prod", "--yes"], 2),
        (["rename", "nowhere", QA, "--yes"], 2),
        (["rename", STAGING, QA], 2),
    ],
)
def test_what_is_not_meant_for_sure_changes_nothing(company, clone, words, code):
    before = tip(company)

    assert clone("env", *words).code == code
    assert tip(company) == before


@pytest.mark.parametrize("lock", [".lock", "billing.lock"])
@pytest.mark.parametrize("words", [["remove", PROD, "--confirm", PROD], ["rename", PROD, QA, "-y"]])
def test_a_lock_keeps_it(company, clone, lock, words):
    push_files(company, {f"{PROD}/{lock}": 'reason = "incident 7"\n'})
    before = tip(company)

    refused = clone("env", *words)
    kept = tip(company)
    clone("env", *words, "--override-lock", "-m", "it is known").ok()

    assert (refused.code, kept) == (6, before)
    assert f"{PROD}/{lock}:1" in refused.stderr
    assert PROD not in environments(company)


def test_the_rules_of_its_stage_hold_it_up(company, clone):
    frozen = 'freeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]'
    with_settings(company, f"[stage.staging]\n{frozen}\n[stage.production]\nprotected = true\n")

    held = clone("env", "remove", STAGING, "--confirm", STAGING)
    unexplained = clone("env", "rename", PROD, QA, "--confirm", PROD)
    clone("env", "rename", PROD, QA, "--confirm", PROD, "-m", "a trial").ok()

    assert (held.code, unexplained.code) == (6, 2)
    assert "gitops.toml:2" in held.stderr


def test_an_environment_that_moved_meanwhile_is_not_removed_unseen(company, clone):
    hook = clone.directory / ".git" / "hooks" / "pre-push"
    moved = company.clone("faster")
    (moved / STAGING / "billing.deployment").write_text(f"{OLD}\n")
    git(moved, "commit", "-qam", "Faster")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nrm $0\ncd {moved} && env -u GIT_DIR git push -q\n")
    hook.chmod(0o755)

    done = clone("env", "remove", STAGING, "--confirm", STAGING)

    assert done.code == 6, done
    assert STAGING in environments(company)


def test_a_renamed_environment_keeps_files_and_past_and_gets_its_namespace(company, clone):
    manifest = "metadata:\n  namespace: {0}\n  name: {0}\n"
    push_files(company, {f"{PROD}/manifests/x.yaml": manifest.format(PROD)})
    company.push(PROD, {"billing": OLD})
    company.push(PROD, {"billing": NEW})
    before = tip(company)

    done = clone("env", "rename", PROD, QA, "--yes").ok()
    clone("rollback", "billing", "-e", QA, "--yes").ok()

    assert environments(company) == [DEV, QA, STAGING]
    assert commits_since(company, before) == "2"
    assert company.recorded(QA)["billing"] == OLD
    found = git(company.remote, "show", f"main:{QA}/manifests/x.yaml")
    assert found == f"metadata:\n  namespace: {QA}\n  name: {PROD}"
    assert f"kubectl create namespace {QA}" in done.stderr
    assert f"kubectl delete namespace {PROD}" in done.stderr


def test_another_stage_is_said(company, clone):
    with_settings(company, "[stage.production]\nprotected = true\n")

    done = clone("env", "rename", PROD, QA, "--dry-run").ok()

    assert "its stage is qa then, no longer production" in done.stderr
    assert "[stage.production] of gitops.toml" in done.stderr


def test_show_tells_what_an_environment_is(company: Article, clone: Gitops):
    with_settings(
        company,
        '[stage.production]\nprotected = true\npromote_from = ["staging"]\ncluster = "live"\n'
        'freeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]\nsoak = "2h"\napprovals = 1\n',
    )
    clone("lock", "billing", "-e", PROD, "-m", "incident 7").ok()

    shown = clone("env", "show", "-e", PROD).ok()
    document = clone("env", "show", PROD, "--offline", "-o", "json").ok().json()

    for text in (
        "production",
        "2099-01-01",
        "staging",
        "incident 7",
        "confirmed by its name",
        "2h",
        "1 of others",
    ):
        assert text in shown.stdout
    assert "not known: " in shown.stdout  # there is no kubeconfig
    assert (document["stage"], document["cluster"]) == ("production", "live")
    assert document["agent"] == {"follows": None, "trouble": "--offline"}
    billing = next(s for s in document["services"] if s["service"] == "billing")
    assert billing["version"] == company.recorded(PROD)["billing"]
    assert billing["lock"]["reason"] == "incident 7"
    assert document["last_change"]["commit"] == tip(company)
    assert (document["soak"], document["approvals"]) == (7200, 1)
    names = clone("env", "show", PROD, "--offline", "-o", "name").ok().stdout.split()
    assert names == [f"{PROD}/{service}" for service in sorted(company.recorded(PROD))]


@pytest.mark.parametrize(
    ("rule", "words", "code", "said"),
    [
        ("protected = true", [], 2, "till-production is protected"),
        ('promote_from = ["staging"]', [], 6, "takes promotions from staging"),
        ("approvals = 1", [], 6, "till-production"),
        ('soak = "9999d"', [], 6, "soak"),
        ('freeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]', [], 6, "frozen"),
        ("protected = true", ["--confirm", "till-production", "-m", "moved"], 0, ""),
        ('mode = "pr"', ["--override-policy", "-m", "moved"], 0, ""),
    ],
)
def test_a_new_name_goes_around_no_rule_of_its_stage(company, clone, rule, words, code, said):
    push_files(company, {"gitops.toml": f"[stage.production]\n{rule}\n"})
    before = tip(company)

    done = clone("env", "rename", DEV, "till-production", "--yes", *words)

    assert (done.code, said in done.stderr) == (code, True), done
    assert (tip(company) == before) == bool(code)
