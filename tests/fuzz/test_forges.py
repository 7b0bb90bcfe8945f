"""Forges: whatever one of them answers, it is an error of ours or a request, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitops_cli.domain.change.request import Request, Wish
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.forge.api import ForgeApi, explanation
from gitops_cli.forge.azure import Azure, AzurePlace
from gitops_cli.forge.bitbucket import Bitbucket
from gitops_cli.forge.client import propose
from gitops_cli.forge.data_center import DataCenter, DataCenterPlace
from gitops_cli.forge.github import Gitea, GitHub
from gitops_cli.forge.gitlab import GitLab
from gitops_cli.forge.requests import Requests
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.operations.pr import keep_comment
from gitops_cli.web.address import parse_address
from tests.forge.azure import AzureFake
from tests.forge.bitbucket import BitbucketFake
from tests.forge.conversation import EXTRAS
from tests.forge.data_center import DataCenterFake
from tests.forge.fakes import PROJECT, FakeForge
from tests.forge.hub import GiteaFake, GitHubFake
from tests.forge.lab import GitLabFake
from tests.fuzz.broken import a_few, jsons
from tests.registry.scripted import Reply, scripted
from tests.registry.scripted import Request as HttpRequest

pytestmark = pytest.mark.sweep

Connected = Callable[[ForgeApi], Requests]
FORGES: dict[str, tuple[type[FakeForge], str, Connected]] = {
    "github": (GitHubFake, "/api/v3", lambda api: GitHub(api, PROJECT)),
    "gitea": (GiteaFake, "/api/v1", lambda api: Gitea(api, PROJECT)),
    "gitlab": (GitLabFake, "/api/v4", lambda api: GitLab(api, PROJECT)),
    "cloud": (BitbucketFake, "/2.0", lambda api: Bitbucket(api, PROJECT)),
    "data center": (
        DataCenterFake,
        "/rest/api/latest",
        lambda api: DataCenter(api, DataCenterPlace("ACME", "state")),
    ),
    "azure": (
        AzureFake,
        "",
        lambda api: Azure(api, AzurePlace("acme", "shop", "state"), "https://a.example/_git/s"),
    ),
}
MARKS = (("X-GitHub-Api-Version", "2022-11-28"),)


def asked(requests: Requests) -> Iterator[Request]:
    """Ask all there is to ask, and yield the requests that come of it."""
    for title in ("first", "second"):
        with suppress(GitOpsError):
            yield propose(requests, Wish("a", "main", title, "text", EXTRAS)).request
    with suppress(GitOpsError):
        yield from requests.opened()
    for text in ("text", "another"):
        with suppress(GitOpsError):
            keep_comment(requests, 1, "plan", text)
    with suppress(GitOpsError):
        found = requests.get(1)
        yield found
        requests.merge(found)
        yield requests.close(found)


class Stage:
    """A server that is a new forge for each conversation."""

    def __init__(self, name: str) -> None:
        self._kind, self._below, self._connected = FORGES[name]
        self._accept = "application/vnd.github+json" if name == "github" else "application/json"
        self._forge = self._kind()
        self._answer: Callable[[int, Reply], Reply] = lambda _, said: said
        self._numbers = count()
        self.address = ""

    def said(self, request: HttpRequest) -> Reply:
        return self._answer(next(self._numbers), self._forge.answer(request))

    def conversing(self, answer: Callable[[int, Reply], Reply]) -> list[Request]:
        """Return the requests of a conversation in which `answer` may change what is said."""
        self._forge, self._answer, self._numbers = self._kind(), answer, count()
        self._forge.address = self.address
        base = parse_address(f"http://{self.address}{self._below}")
        token = ForgeToken("tests", self._forge.authorization)
        api = ForgeApi(base, token, accept=self._accept, marks=MARKS)
        found = list(asked(self._connected(api)))
        api.close()
        return found

    def right_answers(self) -> list[object]:
        """Return what is said where all is well: the documents, in their order."""
        said: list[object] = []

        def noted(_: int, reply: Reply) -> Reply:
            said.append(json.loads(reply.body or b"null"))
            return reply

        assert len(self.conversing(noted)) == 5
        return said


@pytest.mark.parametrize("name", FORGES)
def test_an_answer_that_is_wrong_is_a_clear_error_or_a_request(name: str) -> None:
    stage = Stage(name)
    with scripted(stage.said) as server:
        stage.address = server.address
        right = stage.right_answers()
        assert stage.conversing(lambda _, said: replace(said, body=b"{")) == []

        @a_few()
        @given(
            st.integers(0, len(right) - 1).flatmap(
                lambda at: st.tuples(st.just(at), jsons(right[at]))
            )
        )
        def holds(wrong: tuple[int, bytes]) -> None:
            broken, body = wrong
            for request in stage.conversing(
                lambda n, said: replace(said, body=body) if n == broken else said
            ):
                assert request.number >= 1
                assert parse_address(request.url)

        holds()


def refusal(words: object) -> dict[str, object]:
    error = {"message": words, "vetoes": [{"detailedMessage": words}]}
    return {"message": words, "error": {"message": words}, "errors": [error]}


@a_few()
@given(jsons(refusal("no")))
@example(b'{"errors": [{"message": "no", "vetoes": 7}]}')
def test_whatever_a_refusal_looks_like_it_is_told_in_a_line(body: bytes) -> None:
    said = explanation(body)

    assert said == "" or said.startswith(": ")
    assert "\n" not in said
