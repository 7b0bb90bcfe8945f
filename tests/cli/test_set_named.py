"""Versions named by a tag or branch of the source: its commit is recorded, the name is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD, STAGING, with_settings, with_sources
from tests.testbed.git import git


@pytest.fixture
def source(company) -> Path:
    """Return authentication's source with an annotated tag, a plain one and a branch.

    All name the newest commit but `v1.0`, which is on the first, and so is the branch of this name
    on the second.
    """
    remote = company.source("authentication").remote
    for key in ("allowFilter", "allowAnySHA1InWant"):
        git(remote, "config", f"uploadpack.{key}", "true")
    first, second, *_, last = company.source("authentication").commits
    git(remote, "tag", "-a", "-m", "Release", "v1.2.3", last)
    git(remote, "tag", "-a", "-m", "Again", "twice", "v1.2.3")
    git(remote, "tag", "plain", last)
    git(remote, "branch", "feature/login", last)
    git(remote, "tag", "v1.0", first)
    git(remote, "branch", "v1.0", second)
    git(remote, "tag", "a-tree", f"{last}^{{tree}}")
    return remote


@pytest.mark.parametrize("name", ["v1.2.3", "twice", "plain", "feature/login", "main"])
def test_a_name_is_resolved_through_the_source(company, clone, source, name):
    with_sources(company)
    newest = company.source("authentication").commits[-1]

    done = clone("set", f"authentication={name}", "-e", STAGING).ok()

    assert company.recorded(STAGING)["authentication"] == newest
    assert f"authentication: {name} is {newest}" in done.stderr
    assert newest not in done.stdout


def test_the_remote_says_where_a_branch_is_not_the_checkout(company, gitops, source):
    checkout = company.checkout("authentication")
    first, *_, last = company.source("authentication").commits
    git(checkout, "branch", "-f", "feature/login", first)
    at = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    at("set", "authentication=feature/login", "-e", STAGING).ok()

    assert company.recorded(STAGING)["authentication"] == last


def test_a_checkout_whose_remote_is_away_is_believed_its_tags_only(company, gitops, source):
    checkout = company.checkout("authentication")
    source.rename(source.with_name("gone.git"))
    at = gitops.at(checkout).using(GITOPS_REPO=company.remote)

    at("set", "authentication=v1.2.3", "-e", STAGING).ok()
    refused = at("set", "authentication=main", "-e", PROD)

    assert (
        company.recorded(STAGING)["authentication"] == company.source("authentication").commits[-1]
    )
    assert refused.code == 2
    assert "no tag or branch of its source (" in refused.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("v9", "`v9` is not a full commit hash, and no tag or branch of its source"),
        ("feature/none", "no tag or branch of its source"),
        ("v1.0", "`v1.0` fits several commits"),
        ("a/../b", "nor a tag or branch of git"),
        ("-x", "nor a tag or branch of git"),
        ("HEAD~2", "authentication=$(git rev-parse HEAD~2)"),
        ("a-tree", "a-tree"),
    ],
)
def test_what_the_source_does_not_know_is_refused(company, clone, source, name, says):
    with_sources(company)
    before = company.recorded(DEV)

    done = clone("set", f"authentication={name}", "-e", DEV)

    assert done.code == 2
    assert says in done.stderr
    assert company.recorded(DEV) == before


@pytest.mark.parametrize("word", ["web:36a03b3", "web@36a03b3"])
def test_what_stands_between_a_service_and_its_version_is_told(clone, word):
    done = clone("set", word, "-e", DEV)

    assert done.code == 2
    assert "hint: write web=36a03b3" in done.stderr


def test_without_a_source_a_name_is_no_version(company, clone):
    assert clone("set", "authentication=v1.2.3", "-e", DEV).code == 6
    assert clone("set", "authentication=feature/x", "-e", DEV).code == 2


def test_where_any_tag_is_agreed_it_is_the_images(company, clone, source):
    with_settings(
        company, f'[versions]\nform = "any"\n[service.authentication]\nsource = "file://{source}"\n'
    )

    clone("set", "authentication=v1.2.3", "-e", DEV).ok()
    clone("set", "authentication=feature/login", "-e", STAGING).ok()

    assert company.recorded(DEV)["authentication"] == "v1.2.3"
    assert (
        company.recorded(STAGING)["authentication"] == company.source("authentication").commits[-1]
    )


def test_a_name_passes_the_guards_as_its_commit_does(company, clone, source):
    with_sources(company)
    git(source, "tag", "old", company.source("authentication").commits[0])

    assert clone("set", "authentication=old", "-e", DEV).code == 6
