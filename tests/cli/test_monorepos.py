"""One source repository of several services, each in a directory of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.company import DEV, STAGING, with_settings
from tests.testbed.git import Commit, add_commits, git, init_bare

AUTH, BILLING = "services/authentication", "services/billing"
CHANGED = (AUTH, AUTH, BILLING, BILLING, AUTH)  # by the five commits


class Monorepo(NamedTuple):
    remote: Path
    commits: list[str]

    @property
    def table(self) -> str:
        source = f'source = "file://{self.remote}"'
        return (
            f'[service.authentication]\n{source}\npath = "{AUTH}/"\n'
            f'[service.billing]\n{source}\npath = "{BILLING}"\n'
        )


@pytest.fixture
def monorepo(company) -> Monorepo:
    """Return the source of two services; staging has its first commit, development the fourth."""
    remote = init_bare(company.directory / "mono.git")
    for key in ("allowFilter", "allowAnySHA1InWant"):
        git(remote, "config", f"uploadpack.{key}", "true")
    made = [
        Commit(f"Change {n} of {where}", {f"{where}/main.py": f"{n}\n"}, 1_793_606_400 + n)
        for n, where in enumerate(CHANGED)
    ]
    mono = Monorepo(remote, add_commits(remote, made))
    for environment, at in ((STAGING, 0), (DEV, 3)):
        names = ("authentication", "billing")
        company.push(environment, dict.fromkeys(names, mono.commits[at]))
    with_settings(company, mono.table)
    return mono


@pytest.fixture
def checkout(company, monorepo) -> Path:
    git(company.directory, "clone", "-q", f"file://{monorepo.remote}", "mono")
    (company.directory / "mono" / BILLING / "deep").mkdir()
    return company.directory / "mono"


@pytest.mark.parametrize("place", ["checkout", "mirror"])
def test_the_changelog_is_that_of_the_directory(company, clone, gitops, checkout, place):
    at = gitops.at(checkout).using(GITOPS_REPO=company.remote) if place == "checkout" else clone

    words = ("promote", "authentication", "billing", "--to", STAGING, "--dry-run", "-o", "json")
    found = {change["service"]: change for change in at(*words).ok().json()["changes"]}

    assert {n: [c["subject"] for c in log["commits"]] for n, log in found.items()} == {
        "authentication": [f"Change 1 of {AUTH}"],
        "billing": [f"Change 3 of {BILLING}", f"Change 2 of {BILLING}"],
    }
    assert [(log["ahead"], log["behind"]) for log in found.values()] == [(1, 0), (2, 0)]


def test_status_counts_the_commits_of_the_directory(clone, monorepo):
    [project] = clone("status", "-p", "project1", "-o", "json").ok().json()["projects"]
    counts = {
        service["service"]: cell["behind"]
        for service in project["services"]
        for cell in service["environments"]
        if cell["environment"] == STAGING
    }

    assert (counts["authentication"], counts["billing"]) == (1, 2)


def test_a_service_that_no_commit_between_changes_is_the_same_in_status(company, clone, monorepo):
    names = ("authentication", "billing")
    company.push(STAGING, dict.fromkeys(names, monorepo.commits[2]))

    [project] = clone("status", "-p", "project1", "-o", "json").ok().json()["projects"]
    found = {
        service["service"]: cell["relation"]
        for service in project["services"]
        for cell in service["environments"]
        if cell["environment"] == STAGING
    }

    assert (found["authentication"], found["billing"]) == ("same", "behind")
    behind = clone("status", "-p", "project1", "--behind").ok().stdout
    assert "billing" in behind
    assert "authentication" not in behind


def test_release_takes_the_service_and_the_context_from_where_one_stands(desk):
    (desk.checkout / "app").mkdir()
    (desk.checkout / "app" / "Dockerfile").write_text("FROM scratch\n")
    git(desk.checkout, "add", ".")
    git(desk.checkout, "commit", "-qm", "App")
    source = f'source = "file://{git(desk.checkout, "remote", "get-url", "origin")}"\n'
    table = f'[service.web]\n{source}path = "app"\n[service.other]\n{source}path = "lib"\n'
    settings = f'[versions]\nnew_services = "allow"\n{table}'
    add_commits(desk.state, [Commit("Agree", {"gitops.toml": settings}, 1_793_606_500)])

    desk.gitops.at(desk.checkout / "app")("release", "-e", "dev").ok()
    at_root = desk.gitops("release", "-e", "dev")

    build = desk.asked[0]
    assert build.endswith(f"{desk.checkout}/app")
    assert desk.recorded() == desk.head
    assert at_root.code == 2
    assert "the source of several services: other, web" in at_root.stderr


@pytest.mark.parametrize("below", ["", "/deep"])
def test_the_service_is_found_by_where_one_stands(company, gitops, monorepo, checkout, below):
    at = gitops.at(checkout / f"{BILLING}{below}").using(GITOPS_REPO=company.remote)

    at("set", "-e", DEV).ok()

    recorded = company.recorded(DEV)
    assert recorded["billing"] == monorepo.commits[4]
    assert recorded["authentication"] == monorepo.commits[3]


def test_the_root_of_several_services_is_none_of_them(company, gitops, checkout):
    done = gitops.at(checkout).using(GITOPS_REPO=company.remote)("set", "-e", DEV)

    assert done.code == 2
    assert f"or stand in its directory ({AUTH}, {BILLING})" in done.stderr


def test_an_older_build_is_older_whatever_directory_it_changed(company, gitops, monorepo, checkout):
    """Order is that of all commits: an image is built of the whole tree."""
    at = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    assert at("set", f"authentication={monorepo.commits[2]}", "-e", DEV).code == 6
