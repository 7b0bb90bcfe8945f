"""What the requests of a repository can be asked, whichever forge it is on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from gitops_cli.domain.change.request import HIDDEN, Comment, Marks, Request, Wish
from gitops_cli.domain.errors import ForgeError
from gitops_cli.forge.api import ForgeApi
from gitops_cli.web.address import parse_address

SETTLING = 15.0
"""Seconds for which a forge may still look at a branch that has just been pushed."""


class Requests(ABC):
    """The requests of one repository. All raise ForgeError or Denied."""

    noun: ClassVar[str] = "pull request"
    marks: ClassVar[Marks] = HIDDEN
    longest_text: ClassVar[int] = 60_000
    lacks: ClassVar[frozenset[str]] = frozenset()
    """What this forge's requests have not, by the option that asks for it: nobody calls that."""

    opens_twins: ClassVar[bool] = False
    """Whether two who ask at once get a request each for the same branch."""

    def __init__(self, api: ForgeApi, at: str) -> None:
        """`at` is the path of the repository."""
        self._api = api
        self._at = at

    @property
    def is_asked_for(self) -> bool:
        """Tell whether the token was given for an API, and not found where git has it."""
        return self._api.is_asked_for

    def close_connection(self) -> None:
        self._api.close()

    @abstractmethod
    def opened(self) -> Iterator[Request]:
        """Yield the open requests from branches of the repository itself."""

    @abstractmethod
    def find(self, branch: str, base: str) -> Request | None:
        """Return the open request of `branch` into `base`."""

    @abstractmethod
    def get(self, number: int) -> Request: ...

    @abstractmethod
    def create(self, wish: Wish) -> Request:
        """Open a request; raises ForgeConflict where one is open already."""

    @abstractmethod
    def update(self, request: Request, *, title: str, body: str) -> Request:
        """Give an open request another title and text; whether it is a draft stays."""

    def add_labels(self, request: Request, labels: Sequence[str]) -> None:
        raise NotImplementedError("--label")

    @abstractmethod
    def ask_reviewers(self, request: Request, reviewers: Sequence[str]) -> None: ...

    def assign(self, request: Request, people: Sequence[str]) -> None:
        raise NotImplementedError("--assignee")

    def merge_when_ready(self, request: Request) -> None:
        """Let the forge merge what was seen as soon as it may be; raises ForgeConflict."""
        raise NotImplementedError("--auto-merge")

    @abstractmethod
    def merge(self, request: Request) -> None:
        """Merge what was seen, and nothing newer; raises ForgeConflict."""

    @abstractmethod
    def close(self, request: Request) -> Request: ...

    @abstractmethod
    def comments(self, number: int) -> Iterator[Comment]:
        """Yield the comments of a request that are of no line."""

    @abstractmethod
    def add_comment(self, number: int, text: str) -> None: ...

    @abstractmethod
    def change_comment(self, number: int, comment: Comment, text: str) -> None: ...


def page_address(url: str) -> str:
    """Return the address of a request's page, which is shown and opened; raises ForgeError."""
    try:
        parse_address(url)
    except ValueError:
        raise ForgeError("the forge says an address of the request that is none") from None
    return url
