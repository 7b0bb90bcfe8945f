"""`gitops rollback`: which past is meant, what may stop it, and holding it there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.company import tip, trailers, with_settings
from tests.testbed.article import Article
from tests.testbed.git import Commit, add_commits, git

DEV, STAGING, PROD = (f"project1-{stage}" for stage in ("development", "staging", "production"))
A, B, C = ("a" * 40, "b" * 40, "c" * 40)
ORDER = (("billing", A), ("authentication", B), ("orders", C))


@pytest.fixture
def past(company: Article) -> Article:
    """Return the company with authentication at a, b, c in production, billing moved with b."""
    company.push(PROD, {"authentication": A})
    company.push(PROD, {"authentication": B, "billing": B})
    company.push(PROD, {"authentication": C})
    return company


def authentication(company: Article) -> str:
    return company.recorded(PROD)["authentication"]


def test_a_service_goes_back_to_the_version_before(past, clone):
    before = tip(past)

    done = clone("rollback", "authentication", "-e", PROD, "--yes", "-m", "incident 7").ok()

    assert authentication(past) == B
    assert git(past.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert "project1-production: roll back authentication ccccccc → bbbbbbb" in done.stdout
    assert trailers(past)["Gitops-Action"] == "rollback"
    assert trailers(past)["Gitops-Reason"] == "incident 7"


def test_going_back_again_goes_further_back(past, clone):
    clone("rollback", "authentication", "-e", PROD, "--yes").ok()
    clone("rollback", "authentication", "-e", PROD, "--yes").ok()

    assert authentication(past) == A


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        pytest.param(["--back", "2"], A, id="two back"),
        pytest.param(["--to", A], A, id="a version"),
        pytest.param(["--to", "aaaaaaa"], A, id="a short version"),
    ],
)
def test_further_back(past, clone, option, expected):
    clone("rollback", "authentication", "-e", PROD, "--yes", *option).ok()

    assert authentication(past) == expected


def test_to_a_time(past, clone):
    second = git(past.remote, "log", "-1", "--skip=1", "--format=%cI", "main")

    clone("rollback", "authentication", "-e", PROD, "--yes", "--to", second).ok()

    assert authentication(past) == B


@pytest.mark.parametrize(("hours", "then"), [(2, "1h"), (72, "yesterday"), (2, "1h30m45s")])
def test_to_some_time_ago(company, clone, hours, then):
    company.push(PROD, {"authentication": A})
    old = datetime.now(UTC) - timedelta(hours=hours)
    work = company.clone("by-hand")
    (work / PROD / "authentication.deployment").write_text(B + "\n")
    when = {"GIT_COMMITTER_DATE": old.isoformat(), "GIT_AUTHOR_DATE": old.isoformat()}
    git(work, "commit", "-qam", "by hand", env=when)
    git(work, "push", "-q")
    clone("set", f"authentication={C}", "-e", PROD).ok()

    clone("rollback", "authentication", "-e", PROD, "--yes", "--to", then).ok()

    assert authentication(company) == B


def test_to_a_state_commit_for_the_whole_environment(past, clone):
    first = git(past.remote, "rev-parse", "main~2")

    clone("rollback", "-e", PROD, "--yes", "--to", first).ok()

    expected = git(past.remote, "show", f"{first}:{PROD}/billing.deployment")
    assert (authentication(past), past.recorded(PROD)["billing"]) == (A, expected)


def test_exactly_one_promotion_is_undone(company, clone):
    before = company.recorded(STAGING)
    clone("promote", "--all", "--to", STAGING, "--yes").ok()
    promotion = tip(company)
    company.push(DEV, {"authentication": C})

    clone("rollback", "--commit", promotion, "--yes").ok()

    assert company.recorded(STAGING) == before


def test_a_promotion_is_undone_for_one_service(company, clone):
    before, promoted = company.recorded(STAGING), company.recorded(DEV)
    clone("promote", "--all", "--to", STAGING, "--yes").ok()

    clone("rollback", "billing", "-e", STAGING, "--commit", tip(company), "--yes").ok()

    found = company.recorded(STAGING)
    assert found == {**promoted, "billing": before["billing"]}


def test_what_a_promotion_added_is_removed_when_it_is_undone(company, clone):
    company.push(DEV, {"fresh": A})
    clone("promote", "fresh", "--from", "dev", "--to", STAGING, "--yes").ok()

    clone("rollback", "-e", STAGING, "--commit", tip(company), "--yes").ok()

    assert "fresh" not in company.recorded(STAGING)


def test_a_promotion_that_was_built_upon_is_not_undone(past, clone):
    second = git(past.remote, "rev-parse", "main~1")
    before = tip(past)

    done = clone("rollback", "-e", PROD, "--commit", second, "--yes")

    assert done.code == 6
    assert "has moved on since" in done.stderr
    assert "authentication is ccccccc" in done.stderr
    assert tip(past) == before
    clone("rollback", "billing", "-e", PROD, "--commit", second, "--yes").ok()


def test_the_whole_environment_goes_back_by_one_change(past, clone):
    clone("rollback", "-e", PROD, "--all", "--yes").ok()

    assert (authentication(past), past.recorded(PROD)["billing"]) == (B, B)

    clone("rollback", "-e", PROD, "--all", "--yes").ok()

    assert authentication(past) == A
    assert past.recorded(PROD)["billing"] != B


@pytest.fixture(params=[0, -300], ids=["same second", "slow clock"])
def unclocked(request, company: Article) -> Article:
    """Return the company after three commits of ORDER, none of a later time than the one before."""
    now = int(git(company.remote, "log", "-1", "--format=%ct", "main")) + 3600
    for number, (service, version) in enumerate(ORDER):
        files = {f"{PROD}/{service}.deployment": f"{version}\n"}
        when = now + number * request.param
        add_commits(company.remote, [Commit(f"{service} {version[0]}", files, when)])
    return company


def test_the_branch_tells_which_change_came_last_and_no_clock_does(unclocked, clone):
    before = git(unclocked.remote, "rev-parse", "main~3")
    old = {s: git(unclocked.remote, "show", f"{before}:{PROD}/{s}.deployment") for s, _ in ORDER}
    recorded = unclocked.recorded(PROD)

    for service, _ in reversed(ORDER):
        clone("rollback", "-e", PROD, "--all", "--yes").ok()
        recorded[service] = old[service]
        assert unclocked.recorded(PROD) == recorded


def test_several_changes_back_are_those_the_branch_had_last(unclocked, clone):
    clone("rollback", "-e", PROD, "--back", "2", "--yes").ok()

    found = unclocked.recorded(PROD)
    assert [found[service] == version for service, version in ORDER] == [True, False, False]


def test_a_terminal_lists_the_changes_in_the_order_of_the_branch(unclocked, clone):
    with clone.terminal("rollback", "-e", PROD) as screen:
        screen.wait_for("Undo which change of project1-production?")
        screen.wait_for("billing")
        at = [screen.text.index(f"→ {version[:7]}") for _, version in reversed(ORDER)]
        screen.press("ctrl-c")

        assert screen.finish() == 130
    assert at == sorted(at)


def test_a_hold_keeps_ci_from_bringing_it_back(past, clone):
    before = tip(past)
    clone("rollback", "authentication", "-e", PROD, "--yes", "--hold", "-m", "it is slow").ok()
    assert git(past.remote, "rev-list", "--count", f"{before}..main") == "1"

    refused = clone("set", f"authentication={C}", "-e", PROD)

    assert refused.code == 6
    assert "locked by Ada Lovelace: it is slow" in refused.stderr
    clone("set", f"billing={C}", "-e", PROD).ok()
    clone("unlock", "authentication", "-e", PROD).ok()
    clone("set", f"authentication={C}", "-e", PROD).ok()


def test_a_freeze_does_not_hold_it_up(past, clone):
    with_settings(
        past, '[stage.production]\nfreeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]\n'
    )

    clone("rollback", "authentication", "-e", PROD, "--yes").ok()

    assert authentication(past) == B


def test_a_lock_holds_it_up(past, clone):
    clone("lock", "authentication", "-e", PROD, "-m", "investigating").ok()
    command = ("rollback", "authentication", "-e", PROD, "--yes")

    assert clone(*command).code == 6
    clone(*command, "--override-lock", "-m", "agreed with Ben").ok()
    assert authentication(past) == B
    assert trailers(past)["Gitops-Override"] == "lock"


def test_a_protected_stage_is_confirmed_by_its_name(past, clone):
    with_settings(past, "[stage.production]\nprotected = true\n")
    command = ("rollback", "authentication", "-e", PROD)

    assert clone(*command, "--yes").code == 2
    clone(*command, "--confirm", PROD, "-m", "incident").ok()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["-e", PROD], "name services, or pass --all", id="what"),
        pytest.param(["authentication"], "pass --env", id="where"),
        pytest.param(["nope", "-e", PROD, "--yes"], "has no service `nope`", id="unknown service"),
        pytest.param(
            ["authentication", "-e", PROD, "--back", "99", "--yes"],
            "no version 99 steps back",
            id="too far",
        ),
        pytest.param(
            ["authentication", "-e", PROD, "--to", "d" * 40, "--yes"],
            "was never recorded for authentication",
            id="never recorded",
        ),
        pytest.param(
            ["-e", PROD, "--to", "0001-01-01", "--yes"], "is no state commit and", id="no time"
        ),
        pytest.param(
            ["-e", PROD, "--to", "1999-01-01", "--yes"], "there was no", id="before the beginning"
        ),
        pytest.param(
            ["authentication", "-e", PROD, "--back", "1", "--to", A],
            "exclude each other",
            id="both",
        ),
        pytest.param(["authentication", "-e", PROD], "pass --yes", id="no consent"),
        pytest.param(
            ["-e", DEV, "--commit", "HEAD", "--yes"],
            "recorded no version and changed no manifest in",
            id="another commit",
        ),
    ],
)
def test_a_script_is_told_what_is_wrong(past, clone, arguments, why):
    git(clone.directory, "pull", "-q")
    before = tip(past)

    done = clone("rollback", *arguments)

    assert done.code == 2
    assert why in done.stderr
    assert tip(past) == before


def by_hand(company: Article, subject: str, **files: str | None) -> None:
    """Push a colleague's commit that writes services' files of production, or removes them."""
    work = company.clone(subject.replace(" ", "-"))
    for name, content in files.items():
        path = work / PROD / f"{name}.deployment"
        path.unlink() if content is None else path.write_text(content)
    git(work, "commit", "-qam", subject)
    git(work, "push", "-q")


@pytest.mark.parametrize("which", [["authentication"], ["--all"]], ids=["service", "all"])
def test_a_service_that_was_removed_comes_back(past, clone, which):
    by_hand(past, "drop it", authentication=None)

    clone("rollback", *which, "-e", PROD, "--yes").ok()

    assert authentication(past) == C
    assert past.recorded(PROD)["billing"] == B, "its last change came before"


@pytest.mark.parametrize("which", [["authentication"], ["--all"]], ids=["service", "all"])
def test_a_file_that_was_broken_gets_its_last_version(past, clone, which):
    by_hand(past, "break it", authentication="<<<<<<< HEAD\n")

    clone("rollback", *which, "-e", PROD, "--yes").ok()

    assert authentication(past) == C


def test_what_others_recorded_before_a_pull_is_what_it_goes_back_to(past, clone):
    work = past.clone("late")
    (work / PROD / "billing.deployment").write_text(C + "\n")
    git(work, "commit", "-qam", "By hand")
    past.push(PROD, {"authentication": A})
    past.push(PROD, {"authentication": B})
    git(work, "pull", "-q", "--no-rebase", "--no-edit")
    git(work, "push", "-q")

    clone("rollback", "authentication", "-e", PROD, "--yes").ok()

    assert authentication(past) == A, "not c, which the colleague had last seen"


def test_a_first_version_has_nothing_before_it(company, clone):
    company.push(PROD, {"fresh": A})

    done = clone("rollback", "fresh", "-e", PROD, "--yes")

    assert done.code == 2
    assert "fresh in project1-production has no earlier version" in done.stderr


def test_an_environment_whose_last_change_added_a_service_is_not_guessed_about(company, clone):
    company.push(PROD, {"fresh": A})
    before = tip(company)

    done = clone("rollback", "-e", PROD, "--all", "--yes")

    assert done.code == 2
    assert "its last change only added services" in done.stderr
    clone("rollback", "-e", PROD, "--commit", before, "--yes").ok()
    assert "fresh" not in company.recorded(PROD)


def test_json_tells_what_was_done(past, clone):
    document = (
        clone("rollback", "authentication", "-e", PROD, "--yes", "--hold", "-o", "json").ok().json()
    )

    assert (document["kind"], document["changed"], document["held"]) == (
        "rollback",
        True,
        ["authentication"],
    )
    assert [(c["from"], c["to"]) for c in document["changes"]] == [(C, B)]


def test_a_dry_run_writes_nothing(past, clone):
    before = tip(past)

    clone("rollback", "authentication", "-e", PROD, "--dry-run").ok()

    assert tip(past) == before


def test_an_url_is_enough(past, gitops, tmp_path):
    (tmp_path / "elsewhere").mkdir()

    gitops.at(tmp_path / "elsewhere")(
        "rollback", "authentication", "-e", PROD, "--yes", "-R", f"file://{past.remote}"
    ).ok()

    assert authentication(past) == B


def test_a_terminal_chooses_from_the_last_changes(past, clone):
    with clone.terminal("rollback", "-e", PROD) as screen:
        screen.wait_for("Undo which change of project1-production?")
        assert "authentication bbbbbbb → ccccccc" in screen.text
        screen.press("enter")
        screen.wait_for("Roll back 1 service in project1-production?")
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 0
        assert "gitops rollback --env project1-production --commit" in screen.text
    assert authentication(past) == B


def test_a_version_recorded_meanwhile_is_not_taken_back(past, clone):
    with clone.terminal("rollback", "authentication", "-e", PROD) as screen:
        screen.wait_for("Roll back 1 service in project1-production?")
        past.push(PROD, {"authentication": "d" * 40})
        screen.type("y")
        screen.press("enter")

        assert screen.finish() == 6
    assert authentication(past) == "d" * 40
