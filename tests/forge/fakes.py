"""Forges on 127.0.0.1, written by hand, by what we know of their APIs.

They take what those describe and nothing else: another path, header, field or type is a 400 that
the test sees. No real forge stands behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.registry.scripted import Reply, Request, Scripted, scripted

TOKEN = "t0ken-of-the-tests"
PROJECT = "acme/state"
HEAD = "1" * 40
FOREIGN: Mapping[str, Any] = {"number": 900, "state": "open", "draft": False, "reviewers": []}
"""A request from a fork, which no list of ours may have."""


class Wrong(Exception):
    """Not what the API describes."""


class Refused(Exception):
    """A status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Call(NamedTuple):
    """What is asked: the parts of the path that vary, the query, the document."""

    parts: tuple[str, ...]
    asked: Mapping[str, str]
    content: dict[str, Any]

    def only(self, *known: str) -> None:
        """Fail where the query asks for something else."""
        if set(self.asked) - set(known):
            raise Wrong(f"query {sorted(self.asked)}")

    def typed(self, *, whole: bool = True, **fields: type) -> None:
        """Fail where the document has other fields, or of other types; `whole`: or lacks some."""
        if set(self.content) - set(fields) or (whole and set(fields) - set(self.content)):
            raise Wrong(f"fields {sorted(self.content)}")
        for name, value in self.content.items():
            if not isinstance(value, fields[name]):
                raise Wrong(f"type of {name}")


Route = tuple[str, str, Callable[[Call], Reply]]


@dataclass
class FakeForge:
    """A repository's requests, as one forge has them; `wrong` is what did not fit its API."""

    kind: ClassVar[str]
    name: ClassVar[str] = ""  # where two are of one kind
    page: ClassVar[str]
    path: ClassVar[str] = PROJECT
    lacks: ClassVar[frozenset[str]] = frozenset()

    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    token: str = TOKEN
    clean: bool = False  # nothing holds up a merge
    ways: tuple[str, ...] = ("merge", "rebase", "squash")  # to merge that are allowed
    looking: int = 0  # so many times a merge is refused, as the branch is still looked at
    texts: tuple[str, ...] = ()  # messages of a request's commits
    merged_with: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    before: Callable[[str, str], Reply | None] = lambda method, path: None

    @property
    def host(self) -> str:
        """Return the host of its repositories, with the port."""
        return self.address

    @property
    def remote(self) -> str:
        """Return the URL of its repository."""
        return f"http://{self.host}/{self.path}"

    @property
    def open(self) -> list[dict[str, Any]]:
        return [r for r in self.requests if r["state"] == "open"]

    def opened(self, branch: str, title: str = "theirs", body: str = "by hand") -> None:
        """Let somebody else have opened a request."""
        self.add(title, body, branch, "main")

    @property
    def authorization(self) -> str:
        return f"Bearer {self.token}"

    @property
    def routes(self) -> tuple[Route, ...]:
        """Method, pattern of the path and what answers it."""
        raise NotImplementedError

    def check_headers(self, request: Request) -> None:
        if request.body and request.headers.get("content-type") != "application/json":
            raise Wrong("content type")

    def answer(self, request: Request) -> Reply:
        method, (path, query) = request.method, urlsplit(request.path)[2:4]
        self.log.append(f"{method} {path}")
        if self.token in request.path:
            self.wrong.append(f"a token in an address: {path}")
        if (said := self.before(method, path)) is not None:
            return said
        if request.headers.get("authorization") != self.authorization:
            return reply(401, {"message": "Bad credentials"})
        try:
            content = json.loads(request.body) if request.body else {}
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            self.check_headers(request)
            return self._routed(method, path, asked, content)
        except Wrong as error:
            self.wrong.append(f"{method} {request.path}: {error}")
            return reply(400, {"message": str(error)})
        except Refused as error:
            return self.refusal(error.status, str(error))

    @contextmanager
    def served(self) -> Iterator[Scripted]:
        with scripted(self.answer) as server:
            self.address = server.address
            yield server

    def refusal(self, status: int, message: str) -> Reply:
        return reply(status, {"message": message})

    def _routed(
        self, method: str, path: str, asked: Mapping[str, str], content: dict[str, Any]
    ) -> Reply:
        for wanted, pattern, handler in self.routes:
            found = re.fullmatch(pattern, path)
            if wanted == method and found is not None:
                return handler(Call(found.groups(), asked, content))
        raise Wrong("no such path or method")

    def add(
        self,
        title: str,
        body: str,
        branch: str,
        base: str,
        *,
        conflict: int | None = None,
        draft: bool = False,
    ) -> dict[str, Any]:
        if conflict and any(r["branch"] == branch for r in self.open):
            raise Refused(conflict, f"a request already exists for {branch}")
        new: dict[str, Any] = {"number": len(self.requests) + 1, "state": "open", "draft": draft}
        new |= {"title": title, "body": body, "branch": branch, "base": base}
        new |= {"labels": [], "reviewers": [], "assignees": [], "comments": [], "auto_merge": None}
        self.requests.append(new)
        return new

    def at(self, number: str) -> dict[str, Any]:
        if not 1 <= int(number) <= len(self.requests):
            raise Refused(404, "Not Found")
        return self.requests[int(number) - 1]

    def merge(self, request: dict[str, Any], sha: str) -> None:
        if sha != HEAD:
            raise Refused(409, "Head branch was modified")
        if "blocked" in request["title"]:
            raise Refused(405, "At least 1 approving review is required")
        request["state"] = "merged"

    def url(self, request: Mapping[str, Any]) -> str:
        return f"{self.remote}/{self.page}/{request['number']}"


@contextmanager
def running_forge(kind: str) -> Iterator[tuple[FakeForge, Scripted]]:
    """Serve a forge without requests; fails at its end if it was asked what its API has not."""
    from tests.forge.azure import AzureFake
    from tests.forge.bitbucket import BitbucketFake
    from tests.forge.data_center import DataCenterFake
    from tests.forge.hub import GiteaFake, GitHubFake
    from tests.forge.lab import GitLabFake

    fakes = (GitHubFake, GiteaFake, GitLabFake, BitbucketFake, DataCenterFake, AzureFake)
    forge: FakeForge = {fake.name or fake.kind: fake for fake in fakes}[kind]()
    with forge.served() as server:
        yield forge, server
    assert forge.wrong == []


def reply(status: int, content: object) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(content).encode())


def page(found: list[Any], asked: Mapping[str, str]) -> list[Any]:
    size, number = int(asked.get("per_page") or asked["limit"]), int(asked["page"])
    return found[(number - 1) * size : number * size]
