"""Merge requests of GitLab."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Raw

from gitops_cli.domain.change.request import (
    Comment,
    Request,
    RequestState,
    Wish,
    proposal_among,
)
from gitops_cli.domain.errors import ForgeError
from gitops_cli.forge.answers import CommitText, MergeNote, MergeRequest, Person
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.requests import SETTLING, Requests, page_address
from gitops_cli.web.patience import backoff, pause

_DRAFT = "Draft: "
_LOOKING = frozenset({"approvals_syncing", "checking", "preparing", "unchecked"})
_STATES = {"opened": RequestState.OPEN, "locked": RequestState.OPEN, "merged": RequestState.MERGED}


class GitLab(Requests):
    """The merge requests of one project."""

    noun = "merge request"

    def __init__(self, api: ForgeApi, project: str) -> None:
        """`project` is GROUP/…/NAME."""
        super().__init__(api, f"/projects/{quote(project, safe='')}/merge_requests")

    def opened(self) -> Iterator[Request]:
        yield from self._listed({"state": "opened"})

    def find(self, branch: str, base: str) -> Request | None:
        asked = {"state": "opened", "source_branch": branch, "target_branch": base}
        return next((r for r in self._listed(asked) if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._api.ask("GET", f"{self._at}/{number}", MergeRequest))

    def create(self, wish: Wish) -> Request:
        content = {
            "title": f"{_DRAFT if wish.extras.draft else ''}{wish.title}",
            "description": wish.body,
            "source_branch": wish.branch,
            "target_branch": wish.base,
        }
        return _request(self._api.ask("POST", self._at, MergeRequest, content))

    def update(self, request: Request, *, title: str, body: str) -> Request:
        begin = _DRAFT if request.draft else ""
        return self._change(request, {"title": f"{begin}{title}", "description": body})

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        self._change(request, {"add_labels": ",".join(labels)})

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        self._join(request, "reviewer", reviewers)

    def assign(self, request: Request, people: Sequence[str]) -> None:
        self._join(request, "assignee", people)

    def _join(self, request: Request, role: str, names: Sequence[str]) -> None:
        """Add people to those who are there; the API can only say who all of them are.

        Raises ForgeError for who is left out, which GitLab does without a word.
        """
        path, wanted = f"{self._at}/{request.number}", self._people(names)
        before = _with(role, self._api.ask("GET", path, MergeRequest)) or ()
        ids = list(dict.fromkeys([*(person.id for person in before), *wanted]))
        now = _with(role, self._api.ask("PUT", path, MergeRequest, {f"{role}_ids": ids}))
        if now is None:
            return
        has = {person.id for person in now}
        if lacking := [name for name, each in zip(names, wanted, strict=True) if each not in has]:
            raise ForgeError(
                f"{', '.join(lacking)} did not become {role}",
                hint="is that a member? without a licence GitLab takes one for each request",
            )

    def merge_when_ready(self, request: Request) -> None:
        # Servers before 17.11 know it by its former name, and both ignore the other.
        more = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
        self._merge(request, more)

    def merge(self, request: Request) -> None:
        self._merge(request, {})

    def close(self, request: Request) -> Request:
        return self._change(request, {"state_event": "close"})

    def comments(self, number: int) -> Iterator[Comment]:
        """Yield our own comments: a maintainer's token may change others', which stay theirs."""
        me = self._api.ask("GET", "/user", Person).id
        for note in self._api.pages(f"{self._at}/{number}/notes", MergeNote, {}):
            if note.author is None or note.author.id == me:
                yield Comment(note.id, note.body or "")

    def add_comment(self, number: int, text: str) -> None:
        self._api.ask("POST", f"{self._at}/{number}/notes", Raw, {"body": text})

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        self._api.ask("PUT", f"{self._at}/{number}/notes/{comment.id}", Raw, {"body": text})

    def _merge(self, request: Request, more: dict[str, Any]) -> None:
        found = self._looked_at(request.number)
        content = {"sha": request.head or found.sha or "", **more}
        commits = self._api.pages(f"{self._at}/{request.number}/commits", CommitText, {})
        if (ours := proposal_among(each.message for each in commits)) is not None:
            # Where it squashes, nothing but the title is left by default.
            content["squash_commit_message"] = "\n\n".join(ours)
        self._api.ask("PUT", f"{self._at}/{request.number}/merge", Raw, content)

    def _looked_at(self, number: int) -> MergeRequest:
        """Return a request once GitLab has looked at its branch: before, no merge is allowed."""
        end, attempt = time.monotonic() + SETTLING, 0
        while True:
            found = self._api.ask("GET", f"{self._at}/{number}", MergeRequest)
            is_known = found.sha is not None and found.detailed_merge_status not in _LOOKING
            if is_known or not pause(backoff(attempt), end):
                return found
            attempt += 1

    def _change(self, request: Request, content: dict[str, Any]) -> Request:
        path = f"{self._at}/{request.number}"
        return _request(self._api.ask("PUT", path, MergeRequest, content))

    def _people(self, names: Sequence[str]) -> list[int]:
        return [self._person(name) for name in names]

    def _person(self, name: str) -> int:
        found = self._api.ask("GET", f"/users?{urlencode({'username': name})}", list[Person])
        if not found:
            raise ForgeError(f"the forge has no user {name}")
        return found[0].id

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        yield from map(_request, self._api.pages(self._at, MergeRequest, asked))


def _with(role: str, found: MergeRequest) -> list[Person] | None:
    return found.reviewers if role == "reviewer" else found.assignees


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
