"""`gitops rollback --to` or `--commit` something from before a rename."""

from __future__ import annotations

import pytest

from tests.cli.company import tip
from tests.testbed.article import Article
from tests.testbed.git import Commit, add_commits, git

PROD = "project1-production"
LATER = "project1-live"
A, B = ("a" * 40, "b" * 40)


def committed(company: Article, subject: str, files: dict[str, str | None]) -> str:
    """Add a commit a minute after the last one; return it."""
    now = int(git(company.remote, "log", "-1", "--format=%ct", "main")) + 60
    return add_commits(company.remote, [Commit(subject, files, now)])[-1]


def rename(company: Article, old: str, new: str, *, content: str | None = None) -> str:
    """Rename a service of production, as `git mv` does."""
    version = company.recorded(PROD)[old]
    files: dict[str, str | None] = {
        f"{PROD}/{old}.deployment": None,
        f"{PROD}/{new}.deployment": f"{content or version}\n",
    }
    return committed(company, f"Rename {old}", files)


def move(company: Article) -> None:
    """Rename the environment of production."""
    files: dict[str, str | None] = {}
    for name in git(company.remote, "ls-tree", "--name-only", "main", f"{PROD}/").splitlines():
        files[name] = None
        files[name.replace(PROD, LATER)] = git(company.remote, "show", f"main:{name}") + "\n"
    committed(company, "Rename production", files)


@pytest.fixture
def renamed(company: Article) -> tuple[Article, dict[str, str], str]:
    """Return the company after billing became invoices and got another version; what was recorded
    before that, and by which commit.
    """
    company.push(PROD, {"billing": A})
    before, commit = company.recorded(PROD), tip(company)
    rename(company, "billing", "invoices")
    company.push(PROD, {"invoices": B})
    return company, before, commit


def to(company: Article, commit: str, how: str) -> str:
    if how == "commit":
        return commit
    return git(company.remote, "log", "-1", "--format=%cI", commit)


TO = pytest.mark.parametrize("how", ["commit", "time"])


@TO
def test_the_whole_environment_goes_back_under_todays_names(renamed, clone, how):
    company, before, commit = renamed

    clone("rollback", "--all", "-e", PROD, "--to", to(company, commit, how), "--yes").ok()

    version = before.pop("billing")
    assert company.recorded(PROD) == {**before, "invoices": version}


@TO
def test_a_renamed_service_goes_back_to_what_it_was_under_its_old_name(renamed, clone, how):
    company, _, commit = renamed

    clone("rollback", "invoices", "-e", PROD, "--to", to(company, commit, how), "--yes").ok()

    assert company.recorded(PROD)["invoices"] == A
    assert "billing" not in company.recorded(PROD)


def test_the_old_name_is_not_recorded_beside_the_new_one(renamed, clone):
    company, _, commit = renamed
    before = tip(company)

    done = clone("rollback", "billing", "-e", PROD, "--to", commit, "--yes")

    assert done.code == 2
    assert "billing is called invoices in project1-production now" in done.stderr
    assert tip(company) == before


def test_a_service_that_was_renamed_twice(renamed, clone):
    company, before, commit = renamed
    rename(company, "invoices", "payments")

    clone("rollback", "--all", "-e", PROD, "--to", commit, "--yes").ok()

    version = before.pop("billing")
    assert company.recorded(PROD) == {**before, "payments": version}


def test_between_two_renames_the_name_in_between_counts(renamed, clone):
    company, *_ = renamed
    between = tip(company)
    rename(company, "invoices", "payments")
    company.push(PROD, {"payments": A})

    clone("rollback", "payments", "-e", PROD, "--to", between, "--yes").ok()

    assert company.recorded(PROD)["payments"] == B


def test_a_new_service_of_the_old_name_is_another_one(renamed, clone):
    company, _, commit = renamed
    company.push(PROD, {"billing": "c" * 40})

    clone("rollback", "invoices", "-e", PROD, "--to", commit, "--yes").ok()

    found = company.recorded(PROD)
    assert (found["invoices"], found["billing"]) == (A, "c" * 40)


def test_what_was_removed_comes_back_and_what_was_added_stays(company, clone):
    before, commit = company.recorded(PROD), tip(company)
    committed(company, "Drop billing", {f"{PROD}/billing.deployment": None})
    company.push(PROD, {"fresh": A})

    done = clone("rollback", "--all", "-e", PROD, "--to", commit, "--yes").ok()

    assert company.recorded(PROD) == {**before, "fresh": A}
    assert "added since then, and left alone: fresh" in done.stderr


@pytest.fixture
def moved(company: Article) -> tuple[Article, dict[str, str], str]:
    """Return the company after production became live and got another version; what was recorded
    before that, and by which commit.
    """
    before, commit = company.recorded(PROD), tip(company)
    move(company)
    company.push(LATER, dict.fromkeys(before, B))
    return company, before, commit


@TO
@pytest.mark.parametrize("which", ["--all", "billing"])
def test_a_renamed_environment_goes_back(moved, clone, how, which):
    company, before, commit = moved

    clone("rollback", which, "-e", LATER, "--to", to(company, commit, how), "--yes").ok()

    wanted = before if which == "--all" else dict.fromkeys(before, B) | {which: before[which]}
    assert company.recorded(LATER) == wanted
    assert company.recorded(PROD) == {}


def test_an_environment_that_was_not_there_yet_is_said(company, clone):
    before = tip(company)
    committed(company, "Open", {"shop-qa/images_path": "r/\n", "shop-qa/web.deployment": f"{A}\n"})
    after = tip(company)

    done = clone("rollback", "--all", "-e", "shop-qa", "--to", before, "--yes")

    assert done.code == 2
    assert f"there was no shop-qa at {before[:7]}" in done.stderr
    assert tip(company) == after


def test_a_commit_beside_the_branch_is_gone_back_to_as_well(renamed, clone):
    company, before, commit = renamed
    files: dict[str, str | None] = {f"{PROD}/billing.deployment": "d" * 40 + "\n"}
    git(company.remote, "branch", "aside", commit)
    now = int(git(company.remote, "log", "-1", "--format=%ct", "main"))
    [aside] = add_commits(company.remote, [Commit("Try", files, now)], branch="aside")
    git(clone.directory, "fetch", "-q")

    clone("rollback", "--all", "-e", PROD, "--to", aside, "--yes").ok()

    del before["billing"]
    assert company.recorded(PROD) == {**before, "invoices": "d" * 40}


# --- `--commit`: what it did is undone under the names of today


def test_a_commit_is_undone_where_its_service_is_called_otherwise_now(company, clone):
    before = company.recorded(PROD)
    done = company.push(PROD, {"billing": A, "orders": A})
    rename(company, "billing", "invoices")

    clone("rollback", "-e", PROD, "--commit", done, "--yes").ok()

    version = before.pop("billing")
    assert company.recorded(PROD) == {**before, "invoices": version}


def test_a_service_that_a_commit_added_goes_under_its_new_name(company, clone):
    before = company.recorded(PROD)
    done = company.push(PROD, {"fresh": A})
    rename(company, "fresh", "fresher")

    clone("rollback", "-e", PROD, "--commit", done, "--yes").ok()

    assert company.recorded(PROD) == before


def test_the_old_name_of_a_commits_service_is_answered_with_the_new_one(company, clone):
    done = company.push(PROD, {"billing": A})
    rename(company, "billing", "invoices")
    before = tip(company)

    refused = clone("rollback", "billing", "-e", PROD, "--commit", done, "--yes")

    assert refused.code == 2
    assert "billing is called invoices in project1-production now" in refused.stderr
    assert tip(company) == before


def test_what_went_on_under_its_new_name_is_not_undone(renamed, clone):
    *_, commit = renamed

    done = clone("rollback", "-e", PROD, "--commit", commit, "--yes")

    assert done.code == 6
    assert f"invoices is {B[:7]}" in done.stderr


@pytest.mark.parametrize("named", [["-e", LATER], []], ids=["named", "found"])
def test_a_commit_is_undone_in_an_environment_of_another_name(company, clone, named):
    before = company.recorded(PROD)
    done = company.push(PROD, {"billing": A})
    move(company)

    clone("rollback", *named, "--commit", done, "--yes").ok()

    assert company.recorded(LATER) == before
    assert company.recorded(PROD) == {}


def test_a_removed_service_comes_back_in_the_environment_of_another_name(company, clone):
    before = company.recorded(PROD)
    done = committed(company, "Drop billing", {f"{PROD}/billing.deployment": None})
    move(company)

    clone("rollback", "-e", LATER, "--commit", done, "--yes").ok()

    assert company.recorded(LATER) == before


def test_the_renaming_of_an_environment_is_not_undone_by_emptying_it(company, clone):
    move(company)
    moved = tip(company)

    done = clone("rollback", "-e", LATER, "--commit", moved, "--yes")

    assert done.code == 2
    assert f"renamed {PROD} to {LATER}" in done.stderr
    assert f"git revert {moved[:7]}" in done.stderr
    assert tip(company) == moved


def test_a_service_that_became_another_kind_with_another_version_goes_back_to_its_version(
    company, clone
):
    before = company.recorded(PROD)["billing"]
    files: dict[str, str | None] = {
        f"{PROD}/billing.deployment": None,
        f"{PROD}/billing.statefulset": f"{A}\n",
    }
    done = committed(company, "Keep billing's disk", files)

    clone("rollback", "-e", PROD, "--commit", done, "--yes").ok()

    assert git(company.remote, "show", f"main:{PROD}/billing.statefulset") == before
    assert "billing" not in company.recorded(PROD)
