"""Requests and answers, and the small interface behind which they are exchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol


class Cause(Enum):
    """Why there is no answer."""

    UNKNOWN_HOST = "unknown host"
    UNREACHABLE = "unreachable"
    PROXY = "proxy"
    UNTRUSTED = "certificate"
    TLS = "tls"
    LATE = "late"
    TOO_LONG = "too long"
    BROKEN = "broken"


class Broken(Exception):
    """Nothing answered, or the connection broke. `sent`: the request may have arrived.

    `again`: another try at once may do; False for what a wait will not mend. `late`: all that was
    wrong is that no answer came in time.
    """

    def __init__(
        self,
        why: str,
        *,
        sent: bool = False,
        again: bool = True,
        late: bool = False,
        cause: Cause = Cause.BROKEN,
    ) -> None:
        super().__init__(why)
        self.sent = sent
        self.again = again
        self.cause = Cause.LATE if late else cause

    @property
    def late(self) -> bool:
        """Tell whether the time was all that was wrong."""
        return self.cause is Cause.LATE


class HttpRequest(NamedTuple):
    """One HTTP request; `path` begins with `/` and has its query."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    authorization: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers it needs beside those of who asks."""
        headers = {"Accept": self.accept}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        return headers


_WARNING = r'299 \S+ "((?:[^"\\]|\\.)*)"'


class Response(NamedTuple):
    """An answer, whole. The names of `headers` are in lower case; lines of one name are joined."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the server warns of, as kubectl shows it."""
        found = re.findall(_WARNING, self.headers.get("warning", ""))
        return tuple(re.sub(r"\\(.)", r"\1", text) for text in found)


class Transport(Protocol):
    """Sends requests; safe to use from several threads. Raises Broken."""

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        ...

    def send(self, request: HttpRequest, *, timeout: float) -> Response:
        """Send a request and return the whole answer. `timeout` (seconds) is for all of it."""
        ...

    def stream(self, request: HttpRequest, *, timeout: float) -> LineStream:
        """Send a request and return the answer's lines as they come."""
        ...

    def close(self) -> None: ...


class LineStream(Protocol):
    """An answer that is read line by line; `close` ends it from any thread."""

    status: int

    def lines(self) -> Iterator[bytes]:
        """Yield lines until the server ends the answer. Raises Broken."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes as it comes, until the server ends the answer. Raises Broken."""
        ...

    def close(self) -> None: ...
