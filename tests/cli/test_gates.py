"""Gates of a stage, as people meet them: `soak`, `approvals`, `gitops approve`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD, STAGING, tip, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

NEW, NEWER = "b" * 40, "c" * 40
APPROVALS = "[stage.production]\napprovals = 1\n"
SERVICE = "authentication"


@pytest.fixture
def colleague(company: Article, gitops: Gitops) -> Gitops:
    """Return the command in the clone of somebody else."""
    work = company.clone("colleague")
    git(work, "config", "user.name", "Bob")
    git(work, "config", "user.email", "bob@example.com")
    return gitops.at(work)


def promote(clone: Gitops, *more: str):
    return clone("promote", SERVICE, "--to", PROD, "--yes", *more)


def files(company: Article) -> list[str]:
    return git(company.remote, "ls-tree", "--name-only", "main", f"{PROD}/").splitlines()


def test_a_version_waits_for_the_yes_of_somebody_else(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})

    refused = promote(clone)
    assert refused.code == 6
    assert f"gitops.toml:2: {SERVICE} bbbbbbb may not come to {PROD} yet" in refused.stderr
    assert f"gitops approve {PROD} {SERVICE}={NEW}" in refused.stderr

    clone("approve", SERVICE, "-e", PROD, "--yes").ok()
    own = promote(clone)
    assert own.code == 6
    assert "0 of 1 approval (your own does not count)" in own.stderr

    said = colleague("approve", SERVICE, "-e", PROD, "--yes", "-m", "load test was fine").ok()
    assert f"{PROD}: approve {SERVICE} bbbbbbb" in said.stdout
    approval = tomllib.loads(git(company.remote, "show", f"main:{PROD}/{SERVICE}.approval"))
    assert approval["version"] == NEW
    assert [yes["by"] for yes in approval["approved"]] == [
        "Ada Lovelace <ada@example.com>",
        "Bob <bob@example.com>",
    ]

    done = promote(clone).ok()
    assert f"approvals: {SERVICE} 1 of 1 approval: Bob" in done.stdout
    assert company.recorded(PROD)[SERVICE] == NEW
    assert f"{PROD}/{SERVICE}.approval" not in files(company), "a recorded version ends it"


def test_another_version_voids_the_approval(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", PROD, "--yes").ok()
    company.push(STAGING, {SERVICE: NEWER})
    before = tip(company)

    assert promote(clone).code == 6
    by_hand = clone("set", f"{SERVICE}={NEWER}", "-e", PROD)
    assert (by_hand.code, "0 of 1 approval" in by_hand.stderr) == (6, True)
    assert tip(company) == before
    clone("set", f"{SERVICE}={NEW}", "-e", PROD).ok()


def test_an_approval_that_a_person_wrote_into_the_file_is_not_theirs(company, clone):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    forged = f'version = "{NEW}"\n[[approved]]\nby = "Bob <bob@example.com>"\nat = "x"\n'
    work = clone.directory
    git(work, "pull", "-q")
    (work / PROD / f"{SERVICE}.approval").write_text(forged)
    git(work, "add", ".")
    ada = {"GIT_AUTHOR_NAME": "Ada Lovelace", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    git(work, "commit", "-qm", "Bob said yes", env=ada)
    git(work, "push", "-q")

    refused = promote(clone)
    assert (refused.code, "your own does not count" in refused.stderr) == (6, True)


def test_an_approval_that_is_pushed_meanwhile_counts_and_one_that_is_withdrawn_does_not(
    company, clone, colleague
):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", PROD, "--yes").ok()
    withdrawn = colleague("approve", "--withdraw", SERVICE, "-e", PROD, "--yes").ok()
    assert f"withdraw the approval of {SERVICE}" in withdrawn.stdout
    assert promote(clone).code == 6

    colleague("approve", f"{SERVICE}={NEW}", "-e", PROD, "--yes").ok()
    promote(clone).ok()


def test_a_yes_that_is_withdrawn_while_somebody_is_asked_does_not_count(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", PROD, SERVICE, "--yes").ok()
    with clone.terminal("promote", SERVICE, "--to", PROD) as screen:
        screen.wait_for(f"Promote 1 service to {PROD}?")
        assert "1 of 1 approval: Bob" in screen.text
        colleague("approve", "--withdraw", SERVICE, "-e", PROD, "--yes").ok()
        before = tip(company)
        screen.type("y")
        screen.press("enter")
        assert screen.finish() == 6
        assert "0 of 1 approval" in " ".join(screen.text.split())
    assert tip(company) == before


def test_the_way_out_is_seen_in_the_history(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", PROD, SERVICE, "--yes", "-m", "looks fine").ok()
    promote(clone).ok()
    company.push(STAGING, {SERVICE: NEWER})
    promote(clone, "--override-policy", "-m", "incident 7").ok()

    entries = clone("history", SERVICE, "-e", PROD, "-n", "3", "-o", "json").json()["entries"]
    assert [entry["action"] for entry in entries] == ["promote", "promote", "approve"]
    assert [entry["overrides"] for entry in entries] == [["policy"], [], []]
    approved = entries[2]
    assert (approved["to"], approved["by"]["name"], approved["reason"]) == (
        NEW,
        "Bob",
        "looks fine",
    )
    shown = clone("history", SERVICE, "-e", PROD, "--action", "approve").ok().stdout
    assert "looks fine" in shown


def test_an_approval_goes_with_its_service(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", SERVICE, "-e", PROD, "--yes").ok()
    clone("rename", SERVICE, "login", "--yes").ok()
    assert f"{PROD}/login.approval" in files(company)
    clone("promote", "login", "--to", PROD, "--yes").ok()

    company.push(STAGING, {"login": NEWER})
    colleague("approve", "login", "-e", PROD, "--yes").ok()
    clone("remove", "login", "-e", PROD, "--yes").ok()
    assert not [path for path in files(company) if "login" in path]


def test_a_rollback_needs_no_yes(company, clone):
    with_settings(company, APPROVALS)
    clone("rollback", SERVICE, "-e", PROD, "--yes").ok()


def test_approving_twice_or_what_is_recorded_already_is_nothing(company, clone):
    company.push(STAGING, {SERVICE: NEW})
    clone("approve", SERVICE, "-e", PROD, "--yes").ok()
    before = tip(company)
    again = clone("approve", SERVICE, "-e", PROD, "--yes").ok()
    assert "nothing to do" in again.stdout
    assert tip(company) == before


def test_a_yes_is_asked_for_and_never_assumed(company, clone):
    company.push(STAGING, {SERVICE: NEW})
    before = tip(company)
    refused = clone("approve", SERVICE, "-e", PROD)
    assert (refused.code, "--yes" in refused.stderr) == (2, True)
    assert clone("approve", f"{SERVICE}=short", "-e", PROD, "--yes").code == 2
    assert clone("approve", "--withdraw", SERVICE, "-e", PROD, "--yes").code == 2
    planned = clone("approve", SERVICE, "-e", PROD, "--dry-run", "-o", "json").ok().json()
    assert [change["to"] for change in planned["changes"]] == [NEW]
    assert tip(company) == before


def test_signed_approvals_are_held_against_the_keys_of_whoever_records(
    company, clone, colleague, tmp_path
):
    with_settings(company, APPROVALS + "signed_approvals = true\n")
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", SERVICE, "-e", PROD, "--yes").ok()
    refused = promote(clone)
    assert (refused.code, "no signature you trust" in refused.stderr) == (6, True)

    key = _signs(colleague.directory, tmp_path / "bob")
    colleague("approve", "--withdraw", SERVICE, "-e", PROD, "--yes").ok()
    colleague("approve", SERVICE, "-e", PROD, "--yes").ok()
    assert promote(clone).code == 6, "signed, by a key that nobody trusts"

    allowed = tmp_path / "allowed"
    allowed.write_text(f"bob@example.com {key}\n")
    git(clone.directory, "config", "gpg.ssh.allowedSignersFile", str(allowed))
    promote(clone).ok()


def _signs(work: Path, key: Path) -> str:
    """Let a clone's commits be signed with a new key; return the public one."""
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "commit.gpgSign": "true",
    }.items():
        git(work, "config", name, value)
    return key.with_suffix(".pub").read_text().strip()


def test_a_version_has_to_soak_in_the_stage_before(company, clone):
    with_settings(company, '[stage.production]\nsoak = "2h"\n')
    company.push(STAGING, {SERVICE: NEW})
    _recorded(company, clone, NEWER, hours_ago=1)
    refused = promote(clone)
    assert refused.code == 6
    assert f"soak 1h00m of 2h00m in {STAGING}" in refused.stderr
    assert "hint: wait " in refused.stderr

    _recorded(company, clone, "d" * 40, hours_ago=30)
    done = promote(clone, "-o", "json").ok()
    [gate] = json.loads(done.stdout)["gates"]
    assert (gate["gate"], gate["passes"]) == ("soak", True)
    assert gate["says"] == f"1d of 2h00m in {STAGING}"


def test_all_gates_that_refuse_are_told_at_once(company, clone, colleague):
    with_settings(company, '[stage.production]\nsoak = "2h"\napprovals = 1\n')
    company.push(STAGING, {SERVICE: NEW})
    refused = promote(clone)
    assert refused.code == 6
    assert f"gitops.toml:2: {SERVICE} bbbbbbb may not come to {PROD} yet: soak" in refused.stderr
    assert f"; gitops.toml:3: {SERVICE} bbbbbbb: approvals 0 of 1 approval\n" in refused.stderr
    assert "hint: wait " in refused.stderr
    assert f"; somebody else: gitops approve {PROD} {SERVICE}={NEW}; or --over" in refused.stderr

    done = promote(clone, "--override-policy", "-m", "incident 7").ok()
    assert f"approvals: {SERVICE} 0 of 1 approval (overridden)" in done.stdout


def test_what_never_was_in_the_stage_before_is_not_recorded_by_hand_either(company, clone):
    with_settings(company, '[stage.production]\nsoak = "2h"\n')
    refused = clone("set", f"{SERVICE}={NEW}", "-e", PROD)
    assert (refused.code, "was not recorded in the stage before" in refused.stderr) == (6, True)
    clone("set", f"{SERVICE}={NEW}", "-e", DEV).ok()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("approvals = true", "must be a whole number"),
        ("approvals = 10", "from 0 to 9"),
        ("approvals = -1", "from 0 to 9"),
        ('soak = "soon"', "is not a duration"),
        ("soak = 2", "must be a text"),
    ],
)
def test_a_gate_that_cannot_be_read_is_said_with_its_line(company, clone, text, says):
    with_settings(company, f"[stage.production]\n{text}\n")
    done = promote(clone)
    assert done.code == 2
    assert "gitops.toml:2: stage.production." in done.stderr
    assert says in done.stderr


def _recorded(company: Article, clone: Gitops, version: str, *, hours_ago: int) -> None:
    """Record a version in staging by a commit of another time."""
    import time

    at = f"{int(time.time()) - 3600 * hours_ago} +0000"
    work = clone.directory
    git(work, "pull", "-q", "--rebase")
    (work / STAGING / f"{SERVICE}.deployment").write_text(f"{version}\n")
    git(work, "commit", "-qam", "Record", env={"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at})
    git(work, "push", "-q")


def test_status_says_which_versions_are_ready_to_go(company, clone, colleague):
    with_settings(company, APPROVALS)
    company.push(STAGING, {SERVICE: NEW})

    def cell():
        status = clone("status", "-o", "json").ok().json()
        services = {s["service"]: s["environments"] for s in status["projects"][0]["services"]}
        return {e["environment"]: e["next"] for e in services[SERVICE]}

    waiting = cell()
    assert waiting[STAGING] is None, "no gate, no mark"
    assert (waiting[PROD]["version"], waiting[PROD]["ready"]) == (NEW, False)
    [gate] = waiting[PROD]["gates"]
    assert (gate["gate"], gate["passes"], gate["says"]) == ("approvals", False, "0 of 1 approval")
    for words in ([], [PROD]):
        shown = clone("status", *words).ok().stdout
        assert f"{PROD}: {SERVICE} bbbbbbb waits: approvals 0 of 1 approval" in shown

    colleague("approve", SERVICE, "-e", PROD, "--yes").ok()
    assert cell()[PROD]["ready"] is True
    row = next(line for line in clone("status").ok().stdout.splitlines() if SERVICE in line)
    assert row.rstrip().endswith("ready")
    promote(clone).ok()
    assert cell()[PROD] is None, "the same version now"


def test_status_marks_nothing_where_there_are_no_gates(company, clone):
    company.push(STAGING, {SERVICE: NEW})
    shown = clone("status").ok().stdout
    assert "ready" not in shown
    assert "waits" not in shown


def test_promote_shows_what_each_gate_says_before_it_asks(company, clone, colleague):
    with_settings(company, '[stage.production]\nsoak = "1s"\napprovals = 1\n')
    company.push(STAGING, {SERVICE: NEW})
    colleague("approve", SERVICE, "-e", PROD, "--yes").ok()
    with clone.terminal("promote", SERVICE, "--to", PROD, "--override-policy", "-m", "x") as screen:
        screen.wait_for(f"Promote 1 service to {PROD}?")
        assert f"soak: {SERVICE} " in screen.text
        assert f"approvals: {SERVICE} 1 of 1 approval: Bob" in screen.text
        screen.type("n")
        screen.press("enter")
        assert screen.finish() == 1
