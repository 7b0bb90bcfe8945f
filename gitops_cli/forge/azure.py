"""Pull requests of Azure DevOps, and of its Server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Raw, Struct

from gitops_cli.domain.change.request import Comment, Request, RequestState, Wish
from gitops_cli.domain.errors import ForgeError
from gitops_cli.forge.answers import Number
from gitops_cli.forge.api import MOST_PAGES, PAGE, ForgeApi
from gitops_cli.forge.requests import Requests

T = TypeVar("T")
_VERSION = "7.1"
_HEADS = "refs/heads/"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STATES = {"active": RequestState.OPEN, "completed": RequestState.MERGED}


class AzurePlace(Struct, frozen=True):
    """A repository: its collection or organisation, its project, and its own name."""

    collection: str
    project: str
    name: str

    @property
    def parent(self) -> str:
        """Return the path of the project."""
        return "".join(f"/{quote(part)}" for part in (self.collection, self.project) if part)


def azure_place(host: str, path: str) -> AzurePlace | None:
    """Return the repository of a remote's path; None where it is none.

    `ORG/PROJECT/_git/NAME`, by ssh `v3/ORG/PROJECT/NAME`; a repository that is called as its
    project stands for both.
    """
    if over_ssh := re.fullmatch(r"v3/([^/]+)/([^/]+)/([^/]+)", path):
        return AzurePlace(*over_ssh.groups())
    before, found, name = f"/{path}".rpartition("/_git/")
    if not found or not name or "/" in name:
        return None
    parts = before.strip("/").split("/") if before.strip("/") else []
    has_organisation_in_path = not host.endswith(".visualstudio.com")
    if len(parts) == int(has_organisation_in_path):
        parts.append(name)
    if len(parts) < 1 + int(has_organisation_in_path):
        return None
    return AzurePlace("/".join(parts[:-1]), parts[-1], name)


class _Person(Struct, rename="camel"):
    id: str
    display_name: str | None = None
    unique_name: str | None = None


class _Commit(Struct, rename="camel"):
    commit_id: str


class _Pull(Struct, rename="camel"):
    """A pull request; lists say the beginning of its description only."""

    pull_request_id: Number
    title: str
    status: str
    source_ref_name: str
    target_ref_name: str
    description: str | None = None
    is_draft: bool = False
    last_merge_source_commit: _Commit | None = None
    created_by: _Person | None = None
    fork_source: dict[str, Any] | None = None


class _Team(Struct):
    id: str
    name: str


class _Member(Struct):
    identity: _Person


class _Note(Struct, rename="camel"):
    id: int
    content: str | None = None
    is_deleted: bool = False


class _Thread(Struct, rename="camel"):
    id: int
    comments: list[_Note] = []
    thread_context: dict[str, Any] | None = None


class _List(Struct, Generic[T]):
    value: list[T]


class Azure(Requests):
    """The pull requests of one repository."""

    longest_text = 3_700  # of 4,000, marks aside
    lacks = frozenset({"--assignee"})

    def __init__(self, api: ForgeApi, place: AzurePlace, page: str) -> None:
        """`page` is the address of the repository's own page."""
        at = f"{place.parent}/_apis/git/repositories/{quote(place.name)}/pullrequests"
        super().__init__(api, at)
        self._place = place
        self._page = page

    def opened(self) -> Iterator[Request]:
        yield from self._listed({})

    def find(self, branch: str, base: str) -> Request | None:
        asked = {"sourceRefName": f"{_HEADS}{branch}", "targetRefName": f"{_HEADS}{base}"}
        found = self._listed({f"searchCriteria.{name}": ref for name, ref in asked.items()})
        number = next((r.number for r in found if (r.branch, r.base) == (branch, base)), None)
        return None if number is None else self.get(number)

    def get(self, number: int) -> Request:
        return self._request(self._ask("GET", f"/{number}", _Pull))

    def create(self, wish: Wish) -> Request:
        content = {
            "title": wish.title,
            "description": wish.body,
            "sourceRefName": f"{_HEADS}{wish.branch}",
            "targetRefName": f"{_HEADS}{wish.base}",
            "isDraft": wish.extras.draft,
        }
        return self._request(self._ask("POST", "", _Pull, content))

    def update(self, request: Request, *, title: str, body: str) -> Request:
        return self._change(request, {"title": title, "description": body})

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        for label in labels:
            self._ask("POST", f"/{request.number}/labels", Raw, {"name": label})

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        """Ask people and teams of the project, by their names or the ids of their identities."""
        for name in reviewers:
            who = name if _GUID.fullmatch(name) else self._identity(name)
            self._ask("PUT", f"/{request.number}/reviewers/{who}", Raw, {"vote": 0})

    def merge_when_ready(self, request: Request) -> None:
        """The API takes no commit for it: its policies decide whether a newer one is reviewed."""
        creator = self._ask("GET", f"/{request.number}", _Pull).created_by
        if creator is None:
            raise ForgeError(f"{request.url}: nobody is said who could let it be merged")
        self._change(request, {"autoCompleteSetBy": {"id": creator.id}})

    def merge(self, request: Request) -> None:
        seen = {"commitId": request.head}
        self._change(request, {"status": "completed", "lastMergeSourceCommit": seen})

    def close(self, request: Request) -> Request:
        return self._change(request, {"status": "abandoned"})

    def comments(self, number: int) -> Iterator[Comment]:
        for thread in self._ask("GET", f"/{number}/threads", _List[_Thread]).value:
            if thread.thread_context is None:
                for note in thread.comments[:1]:
                    if not note.is_deleted:
                        yield Comment(note.id, note.content or "", thread.id)

    def add_comment(self, number: int, text: str) -> None:
        comment = {"parentCommentId": 0, "content": text, "commentType": "text"}
        content = {"comments": [comment], "status": "closed"}  # it asks for no answer
        self._ask("POST", f"/{number}/threads", Raw, content)

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        path = f"/{number}/threads/{comment.thread}/comments/{comment.id}"
        self._ask("PATCH", path, Raw, {"content": text})

    def _change(self, request: Request, content: dict[str, Any]) -> Request:
        return self._request(self._ask("PATCH", f"/{request.number}", _Pull, content))

    def _identity(self, name: str) -> str:
        """Return the id of a team or a person of the project's teams."""
        place = self._place
        at = f"/{quote(place.collection)}" if place.collection else ""
        teams_at = f"{at}/_apis/projects/{quote(place.project)}/teams"
        teams = self._api.ask("GET", f"{teams_at}?{_version()}", _List[_Team]).value
        for team in teams:
            if team.name == name:
                return team.id
        for team in teams:
            path = f"{teams_at}/{team.id}/members?{_version()}"
            for member in self._api.ask("GET", path, _List[_Member]).value:
                if name in (member.identity.unique_name, member.identity.display_name):
                    return member.identity.id
        raise ForgeError(f"no team of {place.project} is or has {name}")

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        for number in range(MOST_PAGES):
            paging = {"$top": str(PAGE), "$skip": str(number * PAGE)}
            query = {"searchCriteria.status": "active", **asked, **paging}
            found = self._ask("GET", "", _List[_Pull], asked=query).value
            yield from (self._request(pull) for pull in found if pull.fork_source is None)
            if len(found) < PAGE:
                return

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        content: dict[str, Any] | None = None,
        *,
        asked: dict[str, str] | None = None,
    ) -> T:
        return self._api.ask(method, f"{self._at}{path}?{_version(asked)}", kind, content)

    def _request(self, pull: _Pull) -> Request:
        author = pull.created_by
        return Request(
            pull.pull_request_id,
            f"{self._page}/pullrequest/{pull.pull_request_id}",
            pull.title,
            pull.description or "",
            pull.source_ref_name.removeprefix(_HEADS),
            pull.target_ref_name.removeprefix(_HEADS),
            pull.last_merge_source_commit.commit_id if pull.last_merge_source_commit else "",
            _STATES.get(pull.status, RequestState.CLOSED),
            pull.is_draft,
            (author.unique_name or author.display_name) if author else None,
        )


def _version(asked: dict[str, str] | None = None) -> str:
    return urlencode({**(asked or {}), "api-version": _VERSION})
