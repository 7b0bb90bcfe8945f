"""Pull requests of Bitbucket Cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Raw, Struct

from gitops_cli.domain.change.request import (
    HIDDEN_AS_REFERENCE,
    Comment,
    Request,
    RequestState,
    Wish,
)
from gitops_cli.domain.errors import ForgeConflict, ForgeError
from gitops_cli.forge.answers import Number
from gitops_cli.forge.api import MOST_PAGES, PAGE, ForgeApi
from gitops_cli.forge.requests import Requests, page_address

T = TypeVar("T")
_UUID = re.compile(r"\{[0-9a-fA-F-]{36}\}")
_STATES = {"OPEN": RequestState.OPEN, "MERGED": RequestState.MERGED}


class _Named(Struct):
    name: str


class _Commit(Struct):
    hash: str


class _Repository(Struct):
    full_name: str


class _End(Struct):
    """A branch of a request; `repository` is None where a fork was deleted."""

    branch: _Named
    commit: _Commit | None = None
    repository: _Repository | None = None


class _Account(Struct):
    uuid: str | None = None
    nickname: str | None = None
    display_name: str | None = None


class _Link(Struct):
    href: str


class _Links(Struct):
    html: _Link


class _Text(Struct):
    raw: str | None = None


class _Pull(Struct):
    """A pull request; its `reviewers` are said where one is asked for, not in lists."""

    id: Number
    title: str
    state: str
    source: _End
    destination: _End
    links: _Links
    summary: _Text | None = None
    description: str | None = None
    draft: bool = False
    author: _Account | None = None
    reviewers: list[_Account] = []


class _Member(Struct):
    user: _Account


class _Note(Struct):
    id: int
    content: _Text
    deleted: bool = False
    inline: dict[str, Any] | None = None


class _Page(Struct, Generic[T]):
    values: list[T]
    next: str | None = None


class Bitbucket(Requests):
    """The pull requests of one repository."""

    marks = HIDDEN_AS_REFERENCE
    longest_text = 30_000
    opens_twins = True  # nobody says that it does not
    lacks = frozenset({"--assignee", "--label", "--auto-merge"})

    def __init__(self, api: ForgeApi, project: str) -> None:
        """`project` is WORKSPACE/NAME."""
        super().__init__(api, f"/repositories/{quote(project)}/pullrequests")
        self._workspace = project.partition("/")[0]

    def opened(self) -> Iterator[Request]:
        yield from self._listed('state="OPEN"')

    def find(self, branch: str, base: str) -> Request | None:
        asked = f"source.branch.name={_quoted(branch)} AND destination.branch.name={_quoted(base)}"
        found = self._listed(f'{asked} AND state="OPEN"')
        return next((r for r in found if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._pull(number))

    def create(self, wish: Wish) -> Request:
        content = {
            "title": wish.title,
            "description": wish.body,
            "source": {"branch": {"name": wish.branch}},
            "destination": {"branch": {"name": wish.base}},
            "draft": wish.extras.draft,
        }
        return _request(self._api.ask("POST", self._at, _Pull, content))

    def update(self, request: Request, *, title: str, body: str) -> Request:
        return self._change(request, title, body, self._reviewers(request))

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        """Ask people, named as in Bitbucket or by the UUID of their account."""
        before = self._reviewers(request)
        asked = [name if _UUID.fullmatch(name) else self._person(name) for name in reviewers]
        if set(asked) - set(before):
            everybody = [*before, *asked]
            self._change(request, request.title, request.body, list(dict.fromkeys(everybody)))

    def merge(self, request: Request) -> None:
        """The API takes no commit, so what is there is looked at just before."""
        self._need_seen(request)
        content = {"type": "pullrequest"}
        self._api.ask("POST", f"{self._at}/{request.number}/merge", Raw, content)

    def close(self, request: Request) -> Request:
        return _request(self._api.ask("POST", f"{self._at}/{request.number}/decline", _Pull))

    def comments(self, number: int) -> Iterator[Comment]:
        for note in self._pages(f"{self._at}/{number}/comments", _Note, {}):
            if not note.deleted and note.inline is None:
                yield Comment(note.id, note.content.raw or "")

    def add_comment(self, number: int, text: str) -> None:
        content = {"content": {"raw": text}}
        self._api.ask("POST", f"{self._at}/{number}/comments", Raw, content)

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        content = {"content": {"raw": text}}
        self._api.ask("PUT", f"{self._at}/{number}/comments/{comment.id}", Raw, content)

    def _pull(self, number: int) -> _Pull:
        return self._api.ask("GET", f"{self._at}/{number}", _Pull)

    def _need_seen(self, request: Request) -> None:
        if self.get(request.number).head != request.head:
            raise ForgeConflict(f"{request.url}: its branch has moved since it was looked at")

    def _reviewers(self, request: Request) -> list[str]:
        """Return who reviews it: whoever is left out of a change is no reviewer any more."""
        return [each.uuid for each in self._pull(request.number).reviewers if each.uuid]

    def _change(self, request: Request, title: str, body: str, reviewers: list[str]) -> Request:
        content = {
            "title": title,
            "description": body,
            "reviewers": [{"uuid": uuid} for uuid in reviewers],
        }
        return _request(self._api.ask("PUT", f"{self._at}/{request.number}", _Pull, content))

    def _person(self, name: str) -> str:
        path = f"/workspaces/{quote(self._workspace)}/members"
        for member in self._pages(path, _Member, {}):
            if name in (member.user.nickname, member.user.display_name) and member.user.uuid:
                return member.user.uuid
        raise ForgeError(f"{self._workspace} has no member {name}")

    def _listed(self, query: str) -> Iterator[Request]:
        for pull in self._pages(self._at, _Pull, {"q": query}):
            ends = (pull.source.repository, pull.destination.repository)
            if ends[0] == ends[1]:
                yield _request(pull)

    def _pages(self, path: str, kind: type[T], asked: dict[str, str]) -> Iterator[T]:
        for number in range(1, MOST_PAGES):
            query = urlencode({**asked, "pagelen": str(PAGE), "page": str(number)})
            found = self._api.ask("GET", f"{path}?{query}", _Page[kind])  # type: ignore[valid-type]
            yield from found.values
            if found.next is None:
                return


def _quoted(name: str) -> str:
    """Return a text of the API's query language."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _request(pull: _Pull) -> Request:
    author = pull.author
    return Request(
        pull.id,
        page_address(pull.links.html.href),
        pull.title,
        pull.description or (pull.summary.raw if pull.summary else None) or "",
        pull.source.branch.name,
        pull.destination.branch.name,
        pull.source.commit.hash if pull.source.commit else "",
        _STATES.get(pull.state, RequestState.CLOSED),
        pull.draft,
        (author.nickname or author.display_name) if author else None,
    )
