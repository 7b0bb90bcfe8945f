"""Pull requests of GitHub, also of its Enterprise server, and of Gitea and Forgejo.

Gitea's API was made after GitHub's: paths and documents are nearly the same, and where they
differ, the classes below do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from msgspec import Raw

from gitops_cli.domain.change.request import Comment, Request, RequestState, Wish
from gitops_cli.domain.errors import ForgeConflict, ForgeError
from gitops_cli.forge.answers import GraphQl, IssueComment, Label, Note, Pull
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.requests import Requests, page_address

DRAFT = "WIP: "
"""What Gitea and Forgejo know a draft by, at the beginning of its title."""
# There is no other way to ask for it: the REST API has none.
_AUTO_MERGE = (
    "mutation($id: ID!, $head: GitObjectID!) { enablePullRequestAutoMerge("
    "input: {pullRequestId: $id, expectedHeadOid: $head}) { clientMutationId } }"
)


_STRANGERS = frozenset(
    {"NONE", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN"}
)
"""What somebody is called who may not push."""


class GitHub(Requests):
    """The pull requests of one repository."""

    _size: ClassVar[str] = "per_page"

    def __init__(self, api: ForgeApi, project: str) -> None:
        """`project` is OWNER/NAME."""
        super().__init__(api, f"/repos/{quote(project)}")
        self._owner = project.partition("/")[0]

    def opened(self) -> Iterator[Request]:
        yield from self._listed({"state": "open"})

    def find(self, branch: str, base: str) -> Request | None:
        asked = {"state": "open", "head": f"{self._owner}:{branch}", "base": base}
        return next((r for r in self._listed(asked) if (r.branch, r.base) == (branch, base)), None)

    def get(self, number: int) -> Request:
        return _request(self._api.ask("GET", f"{self._at}/pulls/{number}", Pull))

    def create(self, wish: Wish) -> Request:
        content = {"title": wish.title, "body": wish.body, "head": wish.branch, "base": wish.base}
        pull = self._api.ask("POST", f"{self._at}/pulls", Pull, self._new(content, wish))
        return _request(pull)

    def update(self, request: Request, *, title: str, body: str) -> Request:
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

    def assign(self, request: Request, people: Sequence[str]) -> None:
        path = f"{self._at}/issues/{request.number}/assignees"
        self._api.ask("POST", path, Raw, {"assignees": list(people)})

    def merge_when_ready(self, request: Request) -> None:
        """Raises ForgeConflict also where the repository does not allow it."""
        pull = self._api.ask("GET", f"{self._at}/pulls/{request.number}", Pull)
        content = {
            "query": _AUTO_MERGE,
            "variables": {"id": pull.node_id, "head": request.head},
        }
        if errors := self._graphql(content).errors:
            raise ForgeConflict(f"{request.url}: {'; '.join(each.message for each in errors)}")

    def merge(self, request: Request) -> None:
        self._api.ask("PUT", f"{self._at}/pulls/{request.number}/merge", Raw, {"sha": request.head})

    def close(self, request: Request) -> Request:
        return self._change(request, {"state": "closed"})

    def comments(self, number: int) -> Iterator[Comment]:
        """Yield the comments of those who may change ours as well: apps, and who may push.

        Anybody may comment where everybody may read. A comment of a stranger that begins like one
        of ours would be brought up to date, and remain theirs to be changed.
        """
        path = f"{self._at}/issues/{number}/comments"
        for note in self._api.pages(path, IssueComment, {}):
            is_app = note.user is not None and note.user.type == "Bot"
            if is_app or note.author_association not in _STRANGERS:
                yield Comment(note.id, note.body or "")

    def add_comment(self, number: int, text: str) -> None:
        self._api.ask("POST", f"{self._at}/issues/{number}/comments", Raw, {"body": text})

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        path = f"{self._at}/issues/comments/{comment.id}"
        self._api.ask("PATCH", path, Raw, {"body": text})

    def _graphql(self, content: dict[str, Any]) -> GraphQl:
        below = self._api.below.removesuffix("/v3")  # a server's /api/v3 has it beside itself
        return self._api.ask("POST", "/graphql", GraphQl, content, below=below)

    def _change(self, request: Request, content: dict[str, Any]) -> Request:
        path = f"{self._at}/pulls/{request.number}"
        return _request(self._api.ask("PATCH", path, Pull, content))

    def _new(self, content: dict[str, Any], wish: Wish) -> dict[str, Any]:
        return content | {"draft": wish.extras.draft}

    def _listed(self, asked: dict[str, str]) -> Iterator[Request]:
        for pull in self._api.pages(f"{self._at}/pulls", Pull, asked, size=self._size):
            if pull.head.repo_id == pull.base.repo_id:
                yield _request(pull)


class Gitea(GitHub):
    """The pull requests of one repository on Gitea or Forgejo."""

    opens_twins = True
    _size = "limit"

    def find(self, branch: str, base: str) -> Request | None:
        """The API cannot be asked for branches."""
        return next((r for r in self.opened() if (r.branch, r.base) == (branch, base)), None)

    def update(self, request: Request, *, title: str, body: str) -> Request:
        begin = DRAFT if request.draft and not title.startswith(DRAFT) else ""
        return super().update(request, title=f"{begin}{title}", body=body)

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        """Raises ForgeError for what is none of its labels: they are left out without a word."""
        path = f"{self._at}/issues/{request.number}/labels"
        has = self._api.ask("POST", path, list[Label], {"labels": list(labels)})
        if lacking := set(labels) - {label.name for label in has}:
            raise ForgeError(
                f"the forge has no label {', '.join(sorted(lacking))}",
                hint="make it on the repository's page, or its organisation's",
            )

    def assign(self, request: Request, people: Sequence[str]) -> None:
        """Assign people beside those who are; the API can only say who all of them are."""
        pull = self._api.ask("GET", f"{self._at}/pulls/{request.number}", Pull)
        before = [user.login for user in pull.assignees or ()]
        self._change(request, {"assignees": list(dict.fromkeys([*before, *people]))})

    def comments(self, number: int) -> Iterator[Comment]:
        """Yield all of them: this list has no pages."""
        for note in self._api.ask("GET", f"{self._at}/issues/{number}/comments", list[Note]):
            yield Comment(note.id, note.body or "")

    def merge_when_ready(self, request: Request) -> None:
        self._merge(request, {"merge_when_checks_succeed": True})

    def merge(self, request: Request) -> None:
        self._merge(request, {})

    def _merge(self, request: Request, more: dict[str, Any]) -> None:
        content = {"Do": "merge", "head_commit_id": request.head, **more}
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
