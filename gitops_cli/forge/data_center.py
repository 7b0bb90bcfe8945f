"""Pull requests of Bitbucket Data Center."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Raw, Struct

from gitops_cli.domain.change.request import (
    HIDDEN_AS_REFERENCE,
    Comment,
    Request,
    RequestState,
    Wish,
)
from gitops_cli.domain.errors import ForgeConflict
from gitops_cli.forge.answers import Number
from gitops_cli.forge.api import MOST_PAGES, PAGE, ForgeApi
from gitops_cli.forge.requests import Requests, page_address

T = TypeVar("T")
_HEADS = "refs/heads/"
_STATES = {"OPEN": RequestState.OPEN, "MERGED": RequestState.MERGED}


class DataCenterPlace(NamedTuple):
    """A repository: the key of its project, `~` and a name for a person's, and its own name."""

    key: str
    slug: str


def data_center_place(path: str) -> DataCenterPlace | None:
    """Return the repository of a remote's path, which is below `scm/` over https; None: none."""
    found = re.fullmatch(r"(?:scm/)?([^/]+)/([^/]+)", path)
    return DataCenterPlace(*found.groups()) if found else None


class _Project(Struct):
    key: str


class _Repository(Struct):
    slug: str
    project: _Project


class _End(Struct, rename="camel"):
    """A branch of a request."""

    id: str
    repository: _Repository
    latest_commit: str = ""


class _User(Struct):
    name: str


class _Participant(Struct):
    user: _User


class _Link(Struct):
    href: str


class _Links(Struct):
    self: list[_Link]


class _Pull(Struct, rename="camel"):
    """A pull request; servers before 8.18 know no drafts, and say none."""

    id: Number
    version: int
    title: str
    state: str
    from_ref: _End
    to_ref: _End
    links: _Links
    description: str | None = None
    draft: bool | None = None
    author: _Participant | None = None
    reviewers: list[_Participant] = []


class _Note(Struct):
    id: int
    version: int
    text: str = ""


class _Activity(Struct, rename="camel"):
    """Something that happened to a request; `comment_anchor`: to a line of it."""

    action: str
    comment: _Note | None = None
    comment_anchor: dict[str, Any] | None = None
    comment_action: str | None = None


class _Page(Struct, Generic[T], rename="camel"):
    values: list[T]
    is_last_page: bool = True
    next_page_start: int | None = None


class DataCenter(Requests):
    """The pull requests of one repository.

    What is changed names its version, and is refused (409) where somebody was faster.
    """

    marks = HIDDEN_AS_REFERENCE
    longest_text = 30_000  # of 32,768, marks aside
    lacks = frozenset({"--assignee", "--label"})

    def __init__(self, api: ForgeApi, place: DataCenterPlace) -> None:
        at = f"/projects/{quote(place.key)}/repos/{quote(place.slug)}"
        super().__init__(api, f"{at}/pull-requests")
        self._place = place

    def opened(self) -> Iterator[Request]:
        yield from self._listed({})

    def find(self, branch: str, base: str) -> Request | None:
        found = self._listed({"at": f"{_HEADS}{branch}", "direction": "OUTGOING"})
        return next((r for r in found if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._pull(number))

    def create(self, wish: Wish) -> Request:
        content = {
            "title": wish.title,
            "description": wish.body,
            "fromRef": self._ref(wish.branch),
            "toRef": self._ref(wish.base),
            # A server that knows no drafts need not hear of them.
            **({"draft": True} if wish.extras.draft else {}),
        }
        return _request(self._api.ask("POST", self._at, _Pull, content))

    def update(self, request: Request, *, title: str, body: str) -> Request:
        """Give it another text; whoever reviews it and is left out would do so no more."""
        pull = self._pull(request.number)
        content = {
            "version": pull.version,
            "title": title,
            "description": body,
            "reviewers": [{"user": {"name": each.user.name}} for each in pull.reviewers],
            **({} if pull.draft is None else {"draft": pull.draft}),
        }
        return _request(self._api.ask("PUT", f"{self._at}/{request.number}", _Pull, content))

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        """Ask people, by their user names."""
        for name in reviewers:
            content = {"role": "REVIEWER", "user": {"name": name}}
            self._api.ask("POST", f"{self._at}/{request.number}/participants", Raw, content)

    def merge_when_ready(self, request: Request) -> None:
        self._merge(request, {"autoMerge": True})

    def merge(self, request: Request) -> None:
        self._merge(request, {})

    def close(self, request: Request) -> Request:
        version = self._pull(request.number).version
        path = f"{self._at}/{request.number}/decline?version={version}"
        return _request(self._api.ask("POST", path, _Pull, {"version": version}))

    def comments(self, number: int) -> Iterator[Comment]:
        """Yield what was said: there is a list of all that happened, and none of comments alone."""
        for happened in self._pages(f"{self._at}/{number}/activities", _Activity, {}):
            is_new = happened.action == "COMMENTED" and happened.comment_action in (None, "ADDED")
            if is_new and happened.comment is not None and happened.comment_anchor is None:
                yield Comment(happened.comment.id, happened.comment.text)

    def add_comment(self, number: int, text: str) -> None:
        self._api.ask("POST", f"{self._at}/{number}/comments", Raw, {"text": text})

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        path = f"{self._at}/{number}/comments/{comment.id}"
        version = self._api.ask("GET", path, _Note).version
        self._api.ask("PUT", path, Raw, {"text": text, "version": version})

    def _pull(self, number: int) -> _Pull:
        return self._api.ask("GET", f"{self._at}/{number}", _Pull)

    def _merge(self, request: Request, more: dict[str, Any]) -> None:
        """The API takes a version of the text and no commit, so that is looked at just before."""
        pull = self._pull(request.number)
        if pull.from_ref.latest_commit != request.head:
            raise ForgeConflict(f"{request.url}: its branch has moved since it was looked at")
        path = f"{self._at}/{request.number}/merge?version={pull.version}"
        self._api.ask("POST", path, Raw, {"version": pull.version, **more})

    def _ref(self, branch: str) -> dict[str, Any]:
        project = {"key": self._place.key}
        return {
            "id": f"{_HEADS}{branch}",
            "repository": {"slug": self._place.slug, "project": project},
        }

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        for pull in self._pages(self._at, _Pull, {"state": "OPEN", **asked}):
            if pull.from_ref.repository == pull.to_ref.repository:
                yield _request(pull)

    def _pages(self, path: str, kind: type[T], asked: dict[str, str]) -> Iterator[T]:
        start: int | None = 0
        for _ in range(MOST_PAGES):
            query = urlencode({**asked, "limit": str(PAGE), "start": str(start)})
            found = self._api.ask("GET", f"{path}?{query}", _Page[kind])  # type: ignore[valid-type]
            yield from found.values
            start = found.next_page_start
            if found.is_last_page or start is None:
                return


def _request(pull: _Pull) -> Request:
    return Request(
        pull.id,
        page_address(pull.links.self[0].href if pull.links.self else ""),
        pull.title,
        pull.description or "",
        pull.from_ref.id.removeprefix(_HEADS),
        pull.to_ref.id.removeprefix(_HEADS),
        pull.from_ref.latest_commit,
        _STATES.get(pull.state, RequestState.CLOSED),
        bool(pull.draft),
        pull.author.user.name if pull.author else None,
    )
