"""What forges answer, as far as it is read: their documents, with types."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Number = Annotated[int, Meta(ge=1)]


class Ref(Struct):
    """A branch of a request; `repo_id` is Gitea's, to tell forks."""

    ref: str
    sha: str
    repo_id: int | None = None


class User(Struct):
    """Who opened it."""

    login: str


class Pull(Struct):
    """A pull request of GitHub, Gitea or Forgejo.

    `merged` is left out of GitHub's lists, where `merged_at` tells. `node_id` is what GitHub's
    GraphQL knows it by.
    """

    number: Number
    html_url: str
    title: str
    state: str
    head: Ref
    base: Ref
    user: User | None = None
    body: str | None = None
    draft: bool = False
    merged: bool | None = None
    merged_at: str | None = None
    assignees: list[User] | None = None
    node_id: str | None = None


class Repository(Struct):
    """How a repository lets requests be merged; None where who asks may not know.

    The last three are Gitea's.
    """

    allow_rebase_merge: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase: bool | None = None
    allow_rebase_explicit: bool | None = None
    allow_fast_forward_only_merge: bool | None = None


class CommitText(Struct):
    """A commit's message."""

    message: str


class PullCommit(Struct):
    """A commit of a request."""

    commit: CommitText


class Label(Struct):
    """A label that a request has."""

    name: str


class Note(Struct):
    """A comment of GitHub, Gitea or GitLab."""

    id: int
    body: str | None = None


class Commenter(Struct):
    """Who wrote a comment; an app is a `Bot`."""

    type: str | None = None


class IssueComment(Note):
    """A comment of GitHub, with what its author is to the repository."""

    author_association: str | None = None
    user: Commenter | None = None


class Account(Struct):
    """A user of Gitea."""

    id: int


class AccountNote(Note):
    """A comment of Gitea, and whose it is."""

    user: Account | None = None


class GraphQlError(Struct):
    """What GitHub's GraphQL would not do, in its words."""

    message: str


class GraphQl(Struct):
    """An answer of GitHub's GraphQL, which is 200 whatever came of it."""

    errors: list[GraphQlError] = []


class Author(Struct):
    """Who opened it."""

    username: str


class Person(Struct):
    """A user of GitLab."""

    id: int
    username: str


class MergeRequest(Struct):
    """A merge request of GitLab; `sha` is None until GitLab has looked at the branch."""

    iid: Number
    web_url: str
    title: str
    state: str
    source_branch: str
    target_branch: str
    sha: str | None = None
    description: str | None = None
    draft: bool = False
    author: Author | None = None
    detailed_merge_status: str | None = None
    reviewers: list[Person] | None = None
    assignees: list[Person] | None = None


class MergeNote(Note):
    """A comment of GitLab, and whose it is."""

    author: Person | None = None
