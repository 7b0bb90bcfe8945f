"""Pull requests of GitHub, also of its Enterprise server, and of Gitea and Forgejo.

Gitea's API was made after GitHub's: paths and documents are nearly the same, and where they
differ, the classes below do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Raw

from gitops_cli.domain.change.request import Request, RequestState, Wish
from gitops_cli.forge.answers import Pull
from gitops_cli.forge.api import Api
from gitops_cli.forge.pages import PAGE, page_address, page_of

DRAFT = "WIP: "
"""What Gitea and Forgejo know a draft by, at the beginning of its title."""


class GitHub:
    """The pull requests of one repository."""

    noun = "pull request"

    def __init__(self, api: Api, project: str) -> None:
        """`project` is OWNER/NAME."""
        self._api = api
        self._owner = project.partition("/")[0]
        self._at = f"/repos/{quote(project)}"

    @property
    def is_asked_for(self) -> bool:
        """Tell whether the token was given for an API, and not found where git has it."""
        return self._api.is_asked_for

    def close_connection(self) -> None:
        self._api.close()

    def opened(self) -> Iterator[Request]:
        """Yield the open requests from branches of the repository itself."""
        yield from self._listed({"state": "open"})

    def find(self, branch: str, base: str) -> Request | None:
        """Return the open request of `branch` into `base`."""
        asked = {"state": "open", "head": f"{self._owner}:{branch}", "base": base}
        return next((r for r in self._listed(asked) if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._api.ask("GET", f"{self._at}/pulls/{number}", Pull))

    def create(self, wish: Wish) -> Request:
        """Open a request; raises ForgeConflict where one is open already."""
        content = {"title": wish.title, "body": wish.body, "head": wish.branch, "base": wish.base}
        pull = self._api.ask("POST", f"{self._at}/pulls", Pull, self._new(content, wish))
        return _request(pull)

    def update(self, request: Request, *, title: str, body: str) -> Request:
        """Give an open request another title and text; whether it is a draft stays."""
        return self._change(request, {"title": title, "body": body})

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        path = f"{self._at}/issues/{request.number}/labels"
        self._api.ask("POST", path, Raw, {"labels": list(labels)})

    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        """Ask people and teams, which are named ORGANISATION/TEAM."""
        people = [name for name in reviewers if "/" not in name]
        teams = [name.partition("/")[2] for name in reviewers if "/" in name]
        path = f"{self._at}/pulls/{request.number}/requested_reviewers"
        self._api.ask("POST", path, Raw, {"reviewers": people, "team_reviewers": teams})

    def merge(self, request: Request) -> None:
        """Merge what was seen, and nothing newer; raises ForgeConflict."""
        self._api.ask("PUT", f"{self._at}/pulls/{request.number}/merge", Raw, {"sha": request.head})

    def close(self, request: Request) -> Request:
        return self._change(request, {"state": "closed"})

    def _change(self, request: Request, content: dict[str, Any]) -> Request:
        path = f"{self._at}/pulls/{request.number}"
        return _request(self._api.ask("PATCH", path, Pull, content))

    def _new(self, content: dict[str, Any], wish: Wish) -> dict[str, Any]:
        return content | {"draft": wish.extras.draft}

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        for number in range(1, 100):
            query = urlencode(asked | page_of(number))
            pulls = self._api.ask("GET", f"{self._at}/pulls?{query}", list[Pull])
            yield from (_request(pull) for pull in pulls if pull.head.repo_id == pull.base.repo_id)
            if len(pulls) < PAGE:
                return


class Gitea(GitHub):
    """The pull requests of one repository on Gitea or Forgejo."""

    def find(self, branch: str, base: str) -> Request | None:
        """Return the open request of `branch` into `base`; the API cannot be asked for branches."""
        return next((r for r in self.opened() if (r.branch, r.base) == (branch, base)), None)

    def update(self, request: Request, *, title: str, body: str) -> Request:
        """Give an open request another title and text; whether it is a draft stays."""
        begin = DRAFT if request.draft and not title.startswith(DRAFT) else ""
        return super().update(request, title=f"{begin}{title}", body=body)

    def merge(self, request: Request) -> None:
        """Merge what was seen, and nothing newer; raises ForgeConflict."""
        content = {"Do": "merge", "head_commit_id": request.head}
        self._api.ask("POST", f"{self._at}/pulls/{request.number}/merge", Raw, content)

    def _new(self, content: dict[str, Any], wish: Wish) -> dict[str, Any]:
        return content | ({"title": f"{DRAFT}{wish.title}"} if wish.extras.draft else {})


def _request(pull: Pull) -> Request:
    if pull.merged or pull.merged_at:
        state = RequestState.MERGED
    else:
        state = RequestState.OPEN if pull.state == "open" else RequestState.CLOSED
    return Request(
        pull.number,
        page_address(pull.html_url),
        pull.title.removeprefix(DRAFT) if pull.head.repo_id is not None else pull.title,
        pull.body or "",
        pull.head.ref,
        pull.base.ref,
        pull.head.sha,
        state,
        pull.draft or (pull.head.repo_id is not None and pull.title.startswith(DRAFT)),
        pull.user.login if pull.user else None,
    )
