"""`gitops lock` and `gitops unlock`: holds as reviewed files."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.company import tip
from tests.testbed.article import Article
from tests.testbed.git import git

PROD, DEV = "project1-production", "project1-development"
NEW = "b" * 40


def lock_file(company: Article, name: str = "authentication") -> dict[str, object]:
    return tomllib.loads(git(company.remote, "show", f"main:{PROD}/{name}.lock"))


def test_a_lock_says_who_why_and_until_when(company, clone):
    done = clone(
        "lock", "authentication", "-e", PROD, "-m", "incident 7", "--until", "2099-01-01T00:00Z"
    ).ok()

    found = lock_file(company)
    assert (found["by"], found["reason"]) == ("Ada Lovelace", "incident 7")
    assert str(found["until"]) == "2099-01-01 00:00:00+00:00"
    assert "locked authentication in project1-production until" in done.stdout
    assert git(company.remote, "log", "-1", "--format=%s", "main") == (
        "project1-production: lock authentication: incident 7"
    )


@pytest.mark.parametrize("command", ["set", "promote", "rollback"])
def test_every_writer_is_refused(company, clone, command):
    company.push(PROD, {"authentication": "a" * 40})
    clone("lock", "authentication", "-e", PROD, "-m", "incident 7").ok()
    before = tip(company)

    done = {
        "set": lambda: clone("set", f"authentication={NEW}", "-e", PROD),
        "promote": lambda: clone("promote", "authentication", "--to", PROD, "--yes"),
        "rollback": lambda: clone("rollback", "authentication", "-e", PROD, "--yes"),
    }[command]()

    assert done.code == 6
    assert "project1-production/authentication.lock:1:" in done.stderr
    assert "incident 7" in done.stderr
    assert tip(company) == before


def test_a_whole_environment_is_locked(company, clone):
    clone("lock", "-e", PROD, "-m", "audit").ok()

    assert "service" not in lock_file(company, "")
    done = clone("set", f"billing={NEW}", "-e", PROD)
    assert done.code == 6
    assert "all of project1-production is locked" in done.stderr
    clone("set", f"billing={NEW}", "-e", DEV).ok()
    clone("unlock", "-e", PROD).ok()
    clone("set", f"billing={NEW}", "-e", PROD).ok()


def test_unlocking_the_environment_leaves_the_locks_of_services(company, clone):
    clone("lock", "-e", PROD, "-m", "audit").ok()
    clone("lock", "billing", "-e", PROD, "-m", "incident").ok()

    clone("unlock", "-e", PROD).ok()

    assert clone("set", f"billing={NEW}", "-e", PROD).code == 6
    clone("set", f"authentication={NEW}", "-e", PROD).ok()


def test_unlocking_a_service_says_that_the_environment_still_is_locked(company, clone):
    clone("lock", "-e", PROD, "-m", "audit").ok()
    clone("lock", "billing", "-e", PROD, "-m", "incident").ok()
    still = "all of project1-production is locked by Ada Lovelace: audit; `gitops unlock -e"

    unlocked, again = (clone("unlock", "billing", "-e", PROD).ok() for _ in range(2))

    assert "unlocked billing" in unlocked.stdout
    assert still in unlocked.stdout
    assert "nothing is locked" not in again.stdout
    assert still in again.stdout


def test_unlocking_what_is_not_there_is_a_mistake(company, clone):
    done = clone("unlock", "biling", "-e", PROD)

    assert done.code == 2
    assert "project1-production has no service `biling`" in done.stderr


def test_an_override_needs_a_reason_and_is_recorded(company, clone):
    clone("lock", "authentication", "-e", PROD, "-m", "incident").ok()
    command = ("set", f"authentication={NEW}", "-e", PROD, "--override-lock")

    assert clone(*command).code == 2
    clone(*command, "-m", "agreed").ok()
    text = git(company.remote, "log", "-1", "--format=%B", "main")
    assert "Gitops-Override: lock" in text
    assert "Gitops-Reason: agreed" in text


def test_an_expired_lock_holds_nobody_up(company, clone):
    work = company.clone("by-hand")
    (work / PROD / "authentication.lock").write_text('until = 2020-01-01T00:00:00Z\nby = "Ben"\n')
    git(work, "add", ".")
    git(work, "commit", "-qm", "old lock")
    git(work, "push", "-q")

    clone("set", f"authentication={NEW}", "-e", PROD).ok()
    clone("lock", "authentication", "-e", PROD, "-m", "again").ok()

    assert lock_file(company)["by"] == "Ada Lovelace"


def test_a_lock_that_cannot_be_read_locks_and_can_be_removed(company, clone):
    work = company.clone("by-hand")
    (work / PROD / "authentication.lock").write_text("stop!\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "a note of a person")
    git(work, "push", "-q")

    done = clone("set", f"authentication={NEW}", "-e", PROD)

    assert done.code == 6
    assert "cannot be read" in done.stderr
    clone("unlock", "authentication", "-e", PROD).ok()
    clone("set", f"authentication={NEW}", "-e", PROD).ok()


def test_locking_so_again_and_unlocking_what_is_free_change_nothing(company, clone):
    clone("lock", "authentication", "-e", PROD, "-m", "incident").ok()
    before = tip(company)

    again = clone("lock", "authentication", "-e", PROD, "-m", "incident", "-o", "json").ok()
    free = clone("unlock", "billing", "-e", PROD, "-o", "json").ok()

    assert (again.json()["changed"], free.json()["changed"]) == (False, False)
    assert tip(company) == before


def test_a_duration_is_an_end(company, clone):
    clone("lock", "authentication", "-e", PROD, "-m", "incident", "--until", "2h").ok()

    found = lock_file(company)
    assert (found["until"] - found["at"]).total_seconds() == 7200


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["authentication", "-e", PROD], 'pass -m "why"'),
        (["nope", "-e", PROD, "-m", "x"], "has no service `nope`"),
        (["-e", "prod", "-m", "x"], "fits several environments"),
        (["-e", PROD, "-m", "x", "--until", "tomorrow"], "neither a time nor a duration"),
        (["-e", PROD, "-m", "x", "--until", "2020-01-01"], "is over already"),
        (["-e", PROD, "-m", "x", "--until", "9999-12-31T23:59-12:00"], "neither a time nor a d"),
        (["-m", "x"], "pass --env"),
        (["-m", "x", "-p", "project"], "there is no project `project`"),
    ],
)
def test_a_script_is_told_what_is_wrong(company, clone, arguments, why):
    before = tip(company)

    done = clone("lock", *arguments)

    assert done.code == 2
    assert why in done.stderr
    assert tip(company) == before


def test_the_stage_of_a_service_is_found(company, clone):
    clone("lock", "authentication", "-e", "prod", "-m", "incident").ok()

    assert lock_file(company)["reason"] == "incident"


def test_a_dry_run_writes_nothing(company, clone):
    before = tip(company)

    done = clone("lock", "-e", PROD, "-m", "audit", "--dry-run").ok()

    assert "would lock project1-production: audit" in done.stdout
    assert tip(company) == before


def test_a_terminal_is_asked_for_the_reason(company, clone):
    with clone.terminal("lock", "authentication", "-e", PROD) as screen:
        screen.wait_for("Why is it locked?")
        screen.type('a "quoted" \\ reason')
        screen.press("enter")

        assert screen.finish() == 0
    assert lock_file(company)["reason"] == 'a "quoted" \\ reason'


def test_a_colleagues_lock_that_is_replaced_is_told(company, clone):
    ben = clone.using(GIT_AUTHOR_NAME="Ben", GIT_AUTHOR_EMAIL="ben@example.com")
    ben("lock", "authentication", "-e", PROD, "-m", "incident 7").ok()

    done = clone("lock", "authentication", "-e", PROD, "-m", "incident 8").ok()

    assert "before, it was locked by Ben: incident 7" in done.stdout


def test_what_was_asked_is_told_as_one_command(clone):
    with clone.terminal("lock", "authentication", columns=200) as screen:
        screen.wait_for("Environment?")
        screen.press("enter")
        screen.wait_for("Why is it locked?")
        screen.type("audit of May")
        screen.press("enter")
        assert screen.finish() == 0
        [said] = [line for line in screen.text.splitlines() if "without questions" in line]
    same = "gitops lock authentication --env project1-development --message 'audit of May'"
    assert said == f"the same without questions: {same}"


@pytest.mark.parametrize("key", ["ctrl-c", "ctrl-d"])
def test_a_question_left_is_said_once(clone, key):
    with clone.terminal("lock", "-e", "project1-staging") as screen:
        screen.wait_for("Why is it locked?")
        screen.press(key)
        assert screen.finish() == 130
        assert "Cancelled" not in screen.text
        assert screen.text.count("interrupted") == 1
