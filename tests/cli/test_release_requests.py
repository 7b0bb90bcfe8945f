"""`gitops release --pr`: an image is made and pushed, and its version proposed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.desk import DEV, Desk
from tests.cli.hosted import user_config
from tests.forge.fakes import TOKEN, FakeForge, running_forge
from tests.testbed.git import Commit, add_commits, git

BRANCH = f"gitops/set/{DEV}+web"
RELEASE = ("release", "-e", "dev")


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with running_forge("github") as (forge, _):
        yield forge


@pytest.fixture
def hosted(desk: Desk, forge: FakeForge) -> Desk:
    """Return the desk whose state repository is on a forge."""
    rule = f"url.file://{desk.state}.insteadOf"
    git(desk.checkout, "config", "--file", desk.gitops.home / ".gitconfig", rule, forge.remote)
    desk.gitops = desk.gitops.using(GITOPS_REPO=forge.remote, TOKEN_OF_THE_TESTS=TOKEN)
    user_config(desk.gitops, forge.host, "github")
    return desk


def test_what_is_built_is_proposed_and_brought_up_to_date(hosted: Desk, forge: FakeForge) -> None:
    options = ("--pr", "--reviewer", "grace", "--request-label", "shop", "--label", "team=shop")

    done = hosted.gitops(*RELEASE, *options).ok()
    first = hosted.head
    git(hosted.checkout, "commit", "-q", "--allow-empty", "-m", "Go on")
    document = hosted.gitops(*RELEASE, "--pr", "-o", "json").ok().json()

    assert f"pushed {BRANCH}" in done.stdout
    assert f"pull request 1 opened: {forge.remote}/pull/1" in done.stdout
    assert "team=shop" in hosted.asked[0]
    assert hosted.untouched()
    [made] = forge.open
    assert (made["branch"], made["reviewers"], made["labels"]) == (BRANCH, ["grace"], ["shop"])
    assert made["title"] == git(hosted.state, "log", "-1", "--format=%s", BRANCH)
    assert hosted.head[:7] in made["body"]
    assert first[:7] not in made["body"]
    assert document["request"] == {"number": 1, "did": "updated", "draft": False}
    assert git(hosted.state, "show", f"{BRANCH}:{DEV}/web.deployment") == hosted.head


def test_a_stage_of_requests_gets_one_unasked_and_none_for_what_is_recorded(
    hosted: Desk, forge: FakeForge
) -> None:
    files: dict[str, str | None] = {
        "gitops.toml": '[stage.development]\nmode = "pr"\n[versions]\nnew_services = "allow"\n'
    }
    add_commits(hosted.state, [Commit("agree", files, 1_793_700_000)])

    planned = hosted.gitops(*RELEASE, "--dry-run").ok()
    assert f"would push {BRANCH}" in planned.stdout
    assert (hosted.asked, forge.requests) == ([], [])
    hosted.gitops(*RELEASE, "--draft").ok()
    assert forge.open[0]["draft"]

    git(hosted.state, "update-ref", "refs/heads/main", BRANCH)
    forge.requests[0]["state"] = "merged"
    assert "nothing to do" in hosted.gitops(*RELEASE).ok().stdout
    assert forge.open == []


def test_options_of_a_request_are_refused_before_anything_is_built(hosted: Desk) -> None:
    done = hosted.gitops(*RELEASE, "--draft")

    assert (done.code, hosted.asked) == (2, [])
    assert "add --pr" in done.stderr
