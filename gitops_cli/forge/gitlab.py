"""Merge requests of GitLab."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Raw

from gitops_cli.domain.change.request import Request, RequestState, Wish
from gitops_cli.domain.errors import ForgeError
from gitops_cli.forge.answers import MergeRequest, Person
from gitops_cli.forge.api import Api
from gitops_cli.forge.pages import PAGE, page_address, page_of

_DRAFT = "Draft: "
_STATES = {"opened": RequestState.OPEN, "locked": RequestState.OPEN, "merged": RequestState.MERGED}


class GitLab:
    """The merge requests of one project."""

    noun = "merge request"

    def __init__(self, api: Api, project: str) -> None:
        """`project` is GROUP/…/NAME."""
        self._api = api
        self._at = f"/projects/{quote(project, safe='')}/merge_requests"

    @property
    def is_asked_for(self) -> bool:
        """Tell whether the token was given for an API, and not found where git has it."""
        return self._api.is_asked_for

    def close_connection(self) -> None:
        self._api.close()

    def opened(self) -> Iterator[Request]:
        """Yield the open requests."""
        yield from self._listed({"state": "opened"})

    def find(self, branch: str, base: str) -> Request | None:
        """Return the open request of `branch` into `base`."""
        asked = {"state": "opened", "source_branch": branch, "target_branch": base}
        return next((r for r in self._listed(asked) if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._api.ask("GET", f"{self._at}/{number}", MergeRequest))

    def create(self, wish: Wish) -> Request:
        """Open a request; raises ForgeConflict where one is open already."""
        content = {
            "title": f"{_DRAFT if wish.extras.draft else ''}{wish.title}",
            "description": wish.body,
            "source_branch": wish.branch,
            "target_branch": wish.base,
        }
        return _request(self._api.ask("POST", self._at, MergeRequest, content))

    def update(self, request: Request, *, title: str, body: str) -> Request:
        """Give an open request another title and text; whether it is a draft stays."""
        begin = _DRAFT if request.draft else ""
        return self._change(request, {"title": f"{begin}{title}", "description": body})

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        self._change(request, {"add_labels": ",".join(labels)})

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        """Ask people; who was asked before no longer is, as GitLab has it."""
        self._change(request, {"reviewer_ids": [self._person(name) for name in reviewers]})

    def merge(self, request: Request) -> None:
        """Merge what was seen, and nothing newer; raises ForgeConflict."""
        self._api.ask("PUT", f"{self._at}/{request.number}/merge", Raw, {"sha": request.head})

    def close(self, request: Request) -> Request:
        return self._change(request, {"state_event": "close"})

    def _change(self, request: Request, content: dict[str, Any]) -> Request:
        path = f"{self._at}/{request.number}"
        return _request(self._api.ask("PUT", path, MergeRequest, content))

    def _person(self, name: str) -> int:
        found = self._api.ask("GET", f"/users?{urlencode({'username': name})}", list[Person])
        if not found:
            raise ForgeError(f"there is no user {name} to review it")
        return found[0].id

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        for number in range(1, 100):
            query = urlencode(asked | page_of(number))
            found = self._api.ask("GET", f"{self._at}?{query}", list[MergeRequest])
            yield from map(_request, found)
            if len(found) < PAGE:
                return


def _request(found: MergeRequest) -> Request:
    return Request(
        found.iid,
        page_address(found.web_url),
        found.title.removeprefix(_DRAFT),
        found.description or "",
        found.source_branch,
        found.target_branch,
        found.sha or "",
        _STATES.get(found.state, RequestState.CLOSED),
        found.draft,
        found.author.username if found.author else None,
    )
