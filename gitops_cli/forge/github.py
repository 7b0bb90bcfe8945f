"""Pull requests of GitHub, also of its Enterprise server, and of Gitea and Forgejo.

Gitea's API was made after GitHub's: paths and documents are nearly the same, and where they
differ, the classes below do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from msgspec import Raw

from gitops_cli.domain.change.request import (
    Comment,
    Message,
    Request,
    RequestState,
    Wish,
    proposal_among,
)
from gitops_cli.domain.errors import Denied, ForgeConflict, ForgeError
from gitops_cli.forge.answers import (
    Account,
    AccountNote,
    GraphQl,
    IssueComment,
    Label,
    Pull,
    PullCommit,
    Repository,
)
from gitops_cli.forge.api import ForgeApi
from gitops_cli.forge.requests import SETTLING, Requests, page_address
from gitops_cli.web.patience import backoff, pause

DRAFT = "WIP: "
"""What Gitea and Forgejo know a draft by, at the beginning of its title."""
# There is no other way to ask for it: the REST API has none.
_AUTO_MERGE = (
    "mutation($id: ID!, $head: GitObjectID!, $method: PullRequestMergeMethod, "
    "$title: String, $text: String) { enablePullRequestAutoMerge(input: {pullRequestId: $id, "
    "expectedHeadOid: $head, mergeMethod: $method, commitHeadline: $title, commitBody: $text}) "
    "{ clientMutationId } }"
)
_EARLY = r"\btry (?:the merge )?again\b"
"""What a merge is refused with, until what was just pushed has been looked at."""
SQUASH = "squash"


class Way(NamedTuple):
    """A way to merge, by its name, and the message of its commit where that makes one."""

    name: str
    message: Message | None = None


MERGE = Way("merge")


_STRANGERS = frozenset(
    {"NONE", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN"}
)
"""What somebody is called who may not push."""


class GitHub(Requests):
    """The pull requests of one repository."""

    _size: ClassVar[str] = "per_page"
    # What a merge that its repository does not allow is refused with.
    _no_way: ClassVar[str] = r"(?i)merge commit"
    # One that keeps our commit as it is comes first.
    _ways: ClassVar[Sequence[tuple[str, str]]] = (
        ("allow_rebase_merge", "rebase"),
        ("allow_squash_merge", SQUASH),
    )

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
        """Ask people and teams, which are named ORGANISATION/TEAM.

        One who cannot be asked, such as the author, keeps nobody else from being asked.
        """
        try:
            return self._ask_reviewers(request, reviewers)
        except (ForgeConflict, Denied):
            if len(reviewers) < 2:
                raise
        refused = []
        for name in reviewers:
            try:
                self._ask_reviewers(request, [name])
            except (ForgeConflict, Denied) as error:
                refused.append(f"{name}: {error.message}")
        if refused:
            raise ForgeConflict("; ".join(refused))
        return None

    def _ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None:
        people = [name for name in reviewers if "/" not in name]
        teams = [name.partition("/")[2] for name in reviewers if "/" in name]
        path = f"{self._at}/pulls/{request.number}/requested_reviewers"
        self._api.ask("POST", path, Raw, {"reviewers": people, "team_reviewers": teams})

    def assign(self, request: Request, people: Sequence[str]) -> None:
        path = f"{self._at}/issues/{request.number}/assignees"
        self._api.ask("POST", path, Raw, {"assignees": list(people)})

    def merge_when_ready(self, request: Request) -> None:
        """Raises ForgeConflict also where the repository does not allow it."""
        node = self._api.ask("GET", f"{self._at}/pulls/{request.number}", Pull).node_id

        def ask(way: Way) -> None:
            title, text = way.message or (None, None)
            about = {"id": node, "head": request.head, "method": way.name.upper()}
            about |= {"title": title, "text": text}
            said = self._graphql({"query": _AUTO_MERGE, "variables": about}).errors
            if said:
                raise ForgeConflict(f"{request.url}: {'; '.join(each.message for each in said)}")

        self._in_some_way(request, ask)

    def merge(self, request: Request) -> None:
        self._in_some_way(request, lambda way: self._merge(request, way))

    def _in_some_way(self, request: Request, merge: Callable[[Way], None]) -> None:
        """Merge by a merge commit, or as the repository allows it where it allows none."""
        try:
            return self._settled(lambda: merge(MERGE))
        except ForgeConflict as error:
            if re.search(self._no_way, error.message) is None:
                raise
            refused = error
        for way in self._other_ways(request):
            try:
                return merge(way)
            except ForgeConflict as error:
                refused = error
        raise refused

    def _settled(self, merge: Callable[[], None]) -> None:
        """Merge as soon as the forge has looked at the branch, which takes it a moment."""
        end, attempt = time.monotonic() + SETTLING, 0
        while True:
            try:
                merge()
            except ForgeConflict as refusal:
                is_early = re.search(_EARLY, refusal.message) is not None
                if not (is_early and pause(backoff(attempt), end)):
                    raise
                attempt += 1
            else:
                return

    def _other_ways(self, request: Request) -> Iterator[Way]:
        allowed = self._api.ask("GET", self._at, Repository)
        for setting, name in self._ways:
            if getattr(allowed, setting) is not False:
                yield Way(name, self._squashed(request) if name == SQUASH else None)

    def _squashed(self, request: Request) -> Message | None:
        """Return the message of what is proposed, with the request's number, as forges have it."""
        path = f"{self._at}/pulls/{request.number}/commits"
        commits = self._api.pages(path, PullCommit, {}, size=self._size)
        ours = proposal_among(each.commit.message for each in commits)
        return ours and ours._replace(subject=f"{ours.subject} (#{request.number})")

    def _merge(self, request: Request, way: Way) -> None:
        content = {"sha": request.head, "merge_method": way.name}
        if way.message is not None:
            content |= {"commit_title": way.message.subject, "commit_message": way.message.rest}
        self._api.ask("PUT", f"{self._at}/pulls/{request.number}/merge", Raw, content)

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
    _no_way = "merge style"
    _ways = (
        ("allow_rebase_explicit", "rebase-merge"),
        ("allow_rebase", "rebase"),
        ("allow_fast_forward_only_merge", "fast-forward-only"),
        ("allow_squash_merge", SQUASH),
    )

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
        """Yield our own comments; this list has no pages.

        A token that may not say whose it is takes anybody's for its own.
        """
        try:
            me = self._api.ask("GET", "/user", Account).id
        except Denied:
            me = None
        path = f"{self._at}/issues/{number}/comments"
        for note in self._api.ask("GET", path, list[AccountNote]):
            if me is None or note.user is None or note.user.id == me:
                yield Comment(note.id, note.body or "")

    def merge_when_ready(self, request: Request) -> None:
        self._in_some_way(request, lambda way: self._merge(request, way, when_ready=True))

    def _merge(self, request: Request, way: Way, *, when_ready: bool = False) -> None:
        content: dict[str, Any] = {"Do": way.name, "head_commit_id": request.head}
        if when_ready:
            content["merge_when_checks_succeed"] = True
        if way.message is not None:
            content |= {
                "MergeTitleField": way.message.subject,
                "MergeMessageField": way.message.rest,
            }
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
