"""Pull and merge requests: what is wanted of one, and what a forge says of it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

_BEGIN = "<!-- gitops-cli: what stands up to the end mark is written anew with each proposal -->"
_END = "<!-- gitops-cli: end -->"


class RequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Request(NamedTuple):
    """A request as its forge shows it; `head` is the commit that would be merged."""

    number: int
    url: str
    title: str
    body: str
    branch: str
    base: str
    head: str
    state: RequestState
    draft: bool = False
    author: str | None = None


class Extras(NamedTuple):
    """What is wanted of a request beside its text; `draft` counts where it is opened only."""

    draft: bool = False
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


NO_EXTRAS = Extras()


class Wish(NamedTuple):
    """A request that shall be open: to merge `branch` into `base`."""

    branch: str
    base: str
    title: str
    body: str
    extras: Extras = NO_EXTRAS


class Deed(StrEnum):
    """What was done so that a request is open and says what it shall."""

    OPENED = "opened"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Proposed(NamedTuple):
    """A request that is open, what it took, and what the forge calls it: `pull request`."""

    request: Request
    deed: Deed
    noun: str


def marked(text: str) -> str:
    """Return the body of a new request, between marks that its page does not show."""
    return f"{_BEGIN}\n\n{text}\n\n{_END}"


def renewed(body: str, wanted: str) -> str:
    """Return an open request's body with the marked part of `wanted`; what people wrote stays.

    A body whose marks somebody took away is theirs, and stays as it is.
    """
    before, begin, rest = body.replace("\r\n", "\n").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{wanted}{after}" if begin and end else body
