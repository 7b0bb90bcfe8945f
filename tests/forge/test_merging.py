"""Merges by a forge, as it allows and once it has looked; and who reviews."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gitops_cli.domain.change.request import Request
from gitops_cli.domain.errors import ForgeConflict, ForgeError
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.github import Gitea, GitHub
from gitops_cli.forge.gitlab import GitLab
from gitops_cli.forge.requests import Requests
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.web.address import parse_address
from tests.forge.fakes import HEAD, PROJECT, FakeForge
from tests.forge.hub import GiteaFake, GitHubFake
from tests.forge.lab import GitLabFake

MARKS = (("X-GitHub-Api-Version", "2022-11-28"),)
OURS = "shop-prod: web a → b\n\nwhy\n\nGitops-Action: promote\nGitops-Env: shop-prod\n"
REST = "why\n\nGitops-Action: promote\nGitops-Env: shop-prod"
Making = Callable[[], "tuple[FakeForge, str, Callable[[ForgeApi], Requests]]"]
MADE: dict[str, Making] = {
    "github": lambda: (GitHubFake(), "/api/v3", lambda api: GitHub(api, PROJECT)),
    "gitea": lambda: (GiteaFake(), "/api/v1", lambda api: Gitea(api, PROJECT)),
    "gitlab": lambda: (GitLabFake(), "/api/v4", lambda api: GitLab(api, PROJECT)),
}


@contextmanager
def opened(kind: str) -> Iterator[tuple[FakeForge, Requests, Request]]:
    """Yield a forge with one request that is open."""
    forge, below, connected = MADE[kind]()
    forge.texts = (OURS,)
    with forge.served() as server:
        base = parse_address(f"http://{server.address}{below}")
        accept = "application/vnd.github+json" if kind == "github" else "application/json"
        token = ForgeToken("tests", forge.authorization)
        requests = connected(ForgeApi(base, token, accept=accept, marks=MARKS))
        forge.opened("gitops/x")
        yield forge, requests, requests.get(1)
        requests.close_connection()
    assert forge.wrong == []


@pytest.mark.parametrize(
    ("kind", "allowed", "sent"),
    [
        ("github", ("merge", "squash"), {"merge_method": "merge"}),
        ("github", ("rebase", "squash"), {"merge_method": "rebase"}),
        (
            "github",
            ("squash",),
            {
                "merge_method": "squash",
                "commit_title": "shop-prod: web a → b (#1)",
                "commit_message": REST,
            },
        ),
        ("gitea", ("rebase", "squash"), {"Do": "rebase"}),
        ("gitea", ("fast-forward-only",), {"Do": "fast-forward-only"}),
        (
            "gitea",
            ("squash",),
            {
                "Do": "squash",
                "MergeTitleField": "shop-prod: web a → b (#1)",
                "MergeMessageField": REST,
            },
        ),
    ],
)
def test_it_is_merged_as_the_repository_allows(
    kind: str, allowed: tuple[str, ...], sent: dict[str, Any]
) -> None:
    with opened(kind) as (forge, requests, request):
        forge.ways = allowed
        requests.merge(request)
    head = "sha" if kind == "github" else "head_commit_id"
    assert forge.merged_with == {head: HEAD, **sent}
    assert forge.requests[0]["state"] == "merged"


def test_what_several_others_have_added_is_squashed_in_the_forges_words() -> None:
    with opened("github") as (forge, requests, request):
        forge.ways, forge.texts = ("squash",), (OURS, OURS)
        requests.merge(request)
    assert forge.merged_with == {"sha": HEAD, "merge_method": "squash"}


def test_a_squash_of_gitlab_keeps_the_message() -> None:
    with opened("gitlab") as (forge, requests, request):
        requests.merge(request)
    assert forge.merged_with["squash_commit_message"] == OURS.strip()


@pytest.mark.parametrize("kind", ["github", "gitea"])
def test_a_merge_by_the_forge_itself_is_one_that_is_allowed(kind: str) -> None:
    with opened(kind) as (forge, requests, request):
        forge.ways = ("squash",)
        requests.merge_when_ready(request)
    assert forge.requests[0]["auto_merge"] == HEAD
    said = forge.merged_with
    assert (said.get("title") or said.get("MergeTitleField")) == "shop-prod: web a → b (#1)"


@pytest.mark.parametrize("kind", MADE)
def test_a_forge_that_still_looks_at_the_branch_is_asked_again(kind: str) -> None:
    with opened(kind) as (forge, requests, request):
        forge.looking = 2
        requests.merge(request._replace(head="" if kind == "gitlab" else HEAD))
    assert forge.requests[0]["state"] == "merged"


def test_who_reviews_at_gitlab_stays_and_who_is_left_out_is_told() -> None:
    with opened("gitlab") as (forge, requests, request):
        requests.ask_reviewers(request, ["linus"])
        requests.ask_reviewers(request, ["grace", "linus"])
        assert forge.requests[0]["reviewers"] == ["linus", "grace"]
        with pytest.raises(ForgeError, match="stranger did not become assignee"):
            requests.assign(request, ["grace", "stranger"])
        assert forge.requests[0]["assignees"] == ["grace"]


def test_another_refusal_is_told_at_once() -> None:
    with opened("github") as (forge, requests, request):
        forge.requests[0]["title"] = "blocked"
        with pytest.raises(ForgeConflict, match="approving review"):
            requests.merge(request)
        forge.ways = ()
        with pytest.raises(ForgeConflict, match="Merge commits are not allowed"):
            requests.merge(request)
    assert sum(line.endswith("/merge") for line in forge.log) == 2
