"""The small interface behind which a request is sent: directly, or by the `kubernetes` package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol


class Broken(Exception):
    """Nothing answered, or the connection broke. `sent`: the request may have arrived.

    `again`: another try at once may do; False for what a wait will not mend. `late`: all that was
    wrong is that no answer came in time.
    """

    def __init__(
        self, why: str, *, sent: bool = False, again: bool = True, late: bool = False
    ) -> None:
        super().__init__(why)
        self.sent = sent
        self.again = again
        self.late = late


class Request(NamedTuple):
    """One HTTP request; `path` begins with `/` and has its query."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers it needs beside those of authentication."""
        accept = {"Accept": "application/json"}
        return accept | ({"Content-Type": self.content_type} if self.body is not None else {})


class Response(NamedTuple):
    """An answer. The names of `headers` are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class Transport(Protocol):
    """Sends requests; safe to use from several threads. Raises Broken."""

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        ...

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request and return the whole answer. `timeout` (seconds) is for all of it."""
        ...

    def stream(self, request: Request, *, timeout: float) -> Stream:
        """Send a request and return the answer's lines as they come."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class Stream(Protocol):
    """An answer that is read line by line; `close` ends it from any thread."""

    status: int

    def lines(self) -> Iterator[bytes]:
        """Yield lines until the server ends the answer. Raises Broken."""
        ...

    def close(self) -> None:
        """Break the connection."""
        ...
