"""Pull and merge requests: what is wanted of one, and what a forge says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.values import NamedTuple

# A fence of a block of code, what it is of, and room for what is said of a text that is cut.
_FENCE = r" {0,3}(?P<ticks>`{3,}|~{3,})(?P<more>.*)"
_ROOM = 40
_NEW = "what stands up to the end mark is written anew with each proposal"


class Marks(NamedTuple):
    """How a forge's Markdown hides a line that its page shall not show."""

    before: str
    after: str

    def hide(self, text: str) -> str:
        return f"{self.before}{text}{self.after}"


HIDDEN = Marks("<!-- ", " -->")
# Where comments of HTML are shown as text: a reference to nowhere.
HIDDEN_AS_REFERENCE = Marks("[//]: # (", ")")


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
    """What is wanted of a request beside its text; `draft` counts where it is opened only.

    `auto_merge`: its forge merges it as soon as it may be. `web`: its page is opened.
    """

    draft: bool = False
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    auto_merge: bool = False
    web: bool = False


NO_EXTRAS = Extras()


class Wish(NamedTuple):
    """A request that shall be open: to merge `branch` into `base`."""

    branch: str
    base: str
    title: str
    body: str
    extras: Extras = NO_EXTRAS


class RequestDeed(StrEnum):
    """What was done so that a request is open and says what it shall."""

    OPENED = "opened"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Proposed(NamedTuple):
    """A request that is open, what it took, and what the forge calls it: `pull request`.

    `lacking` are the options that this forge has nothing for; `troubles` are why the request has
    not all that it shall have beside its text.
    """

    request: Request
    deed: RequestDeed
    noun: str
    lacking: tuple[str, ...] = ()
    troubles: tuple[GitOpsError, ...] = ()


class ReviewBranch(NamedTuple):
    """Where a change waits to be merged: its branch, and the forge's page that opens a request.

    `extras` are wanted of the request; `proposed` is what came of it, None: nobody opened it.
    """

    branch: str
    base: str
    url: str | None = None
    extras: Extras = NO_EXTRAS
    proposed: Proposed | None = None

    @property
    def page(self) -> str | None:
        """Return the page of the request, or the one where it is opened."""
        return self.url if self.proposed is None else self.proposed.request.url


class Comment(NamedTuple):
    """A comment of a request; `thread` is what it hangs on, where a forge wants to know."""

    id: int
    body: str
    thread: int | None = None


class Message(NamedTuple):
    """A commit's message: its subject, and all below that."""

    subject: str
    rest: str


def proposal_among(messages: Iterable[str]) -> Message | None:
    """Return the message of the one commit that is a proposal; None: there is not just one.

    Who squashes makes a message of their own, without our trailers, unless they are told one.
    """
    ours = [text for text in messages if "\nGitops-Action: " in text]
    if len(ours) != 1:
        return None
    subject, _, rest = ours[0].strip().partition("\n")
    return Message(subject, rest.strip())


def marked(text: str, marks: Marks = HIDDEN) -> str:
    """Return the body of a new request, between marks that its page does not show."""
    begin, end = _ends(marks)
    return f"{begin}\n\n{text}\n\n{end}"


def renewed(body: str, wanted: str, marks: Marks = HIDDEN) -> str:
    """Return an open request's body with the marked part of `wanted`; what people wrote stays.

    A body whose marks somebody took away is theirs, and stays as it is.
    """
    begin, end = _ends(marks)
    before, found, rest = body.replace("\r\n", "\n").partition(begin)
    _, closed, after = rest.partition(end)
    return f"{before}{wanted}{after}" if found and closed else body


def shortened(text: str, longest: int) -> str:
    """Return Markdown, or as many whole lines of it as there is room for, and that there is more.

    A block of code that is cut ends there: else all that follows would be code.
    """
    if len(text) <= longest:
        return text
    lines = text[: max(0, longest - _ROOM)].split("\n")[:-1]
    fence = ""
    for line in lines:
        found = re.match(_FENCE, line)
        if found is not None and not fence:
            fence = found["ticks"]
        elif found is not None and found["ticks"].startswith(fence) and not found["more"].strip():
            fence = ""
    return "\n".join([*lines, *([fence] if fence else []), "", "and more"])


def _ends(marks: Marks) -> tuple[str, str]:
    return marks.hide(f"gitops-cli: {_NEW}"), marks.hide("gitops-cli: end")
