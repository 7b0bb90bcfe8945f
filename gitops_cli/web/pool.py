"""Connections to one server, kept alive and bounded in number, time and size.

On http.client and not on a larger client, which takes longer to import than a whole exchange
takes (docs/decisions/0010-one-transport.md).
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from gitops_cli import __version__
from gitops_cli.web.connection import (
    CONNECT_SECONDS,
    FAILURES,
    Connection,
    Opening,
    Site,
    checked_headers,
    explained,
)
from gitops_cli.web.deadline import left
from gitops_cli.web.exchange import Broken, HttpRequest, Response
from gitops_cli.web.wire import TooLong, Wire

POOL_SIZE = 16
HEAD_SECONDS = 30.0  # for an answer that has no end, until it begins
# Bytes, as they come over the wire. An API server stores no object of more than 1.5 MB; ten
# thousand in one piece, which it only sends where it is not asked for less, are 30 to 60 MB.
HEAD_MOST = 128 * 1024
BODY_MOST = 64 * 1024 * 1024
LINE_MOST = 8 * 1024 * 1024
# Longer bodies are read one at a time, so that sixteen of them are not sixteen times the most.
LONG = 2 * 1024 * 1024
_PIECE = 1 << 18


Identity = Callable[[], Sequence[tuple[str, str]]]
"""Returns the headers that say who asks; called for each request."""


class Pool:
    """Sends requests to one server, at most POOL_SIZE at a time over kept connections."""

    def __init__(self, site: Site, identity: Identity = tuple, *, most: int = BODY_MOST) -> None:
        """`most`: how many bytes a body may have."""
        self._site = site
        self._identity = identity
        self._most = most
        self._idle: list[Connection] = []
        self._keeps = True
        self._opening: Opening | None = None
        self._slots = threading.BoundedSemaphore(POOL_SIZE)
        self._lock = threading.Lock()
        self._long = threading.Lock()

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        self._opening = Opening(Connection(self._site))
        self._opening.start()

    def send(self, request: HttpRequest, *, timeout: float) -> Response:
        """Send a request and return the whole answer, or raise Broken within `timeout` seconds.

        A kept connection that the server closed meanwhile is replaced.
        """
        deadline = time.monotonic() + timeout
        if not self._slots.acquire(timeout=timeout):
            raise explained(TimeoutError(), sent=False)
        try:
            kept = self._kept(timeout)
            if kept is not None:
                try:
                    return self._exchange(kept, request, deadline)
                except Broken as broken:
                    if not isinstance(broken.__cause__, ConnectionError):
                        raise
            return self._exchange(Connection(self._site), request, deadline)
        finally:
            self._slots.release()

    def stream(self, request: HttpRequest, *, timeout: float) -> AnswerLines:
        """Send a request on a connection of its own; `timeout` is for each line."""
        connection = Connection(self._site)
        deadline = time.monotonic() + min(timeout, HEAD_SECONDS)
        try:
            wire = connection.enter(deadline)
            self._begin(connection, request)
            wire.allow(deadline=deadline, room=HEAD_MOST)
            return AnswerLines(connection, wire, connection.getresponse(), timeout)
        except FAILURES as error:
            connection.close()
            raise explained(error, sent=False) from error
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close what is kept; what is under way then closes its connection at its end."""
        with self._lock:
            self._keeps = False
            opening, self._opening = self._opening, None
            while self._idle:
                self._idle.pop().close()
        if opening is not None:
            opening.abandon()

    def _kept(self, seconds: float) -> Connection | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            opening, self._opening = self._opening, None
        return None if opening is None else opening.connection(min(seconds, CONNECT_SECONDS))

    def _exchange(self, connection: Connection, request: HttpRequest, deadline: float) -> Response:
        sent = False
        try:
            wire = connection.wire or connection.enter(deadline)
            wire.allow(deadline=deadline, room=HEAD_MOST)
            self._begin(connection, request)
            sent = True
            answer = connection.getresponse()
            wire.allow(deadline=deadline, room=2 * self._most)  # chunks have heads
            body = self._read(answer, deadline)
        except FAILURES as error:
            connection.close()
            raise explained(error, sent=sent) from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            kept = self._keeps and not answer.will_close
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()
        return Response(answer.status, body, _joined(answer))

    def _begin(self, connection: Connection, request: HttpRequest) -> None:
        site = self._site
        headers = [*request.headers.items(), *self._identity()]
        prefix = site.address.path.rstrip("/")
        if site.is_relayed:
            prefix = str(site.address._replace(path=prefix))
            if site.proxy is not None and site.proxy.authorization is not None:
                headers.append(("Proxy-Authorization", site.proxy.authorization))
        connection.putrequest(request.method, prefix + request.path)
        connection.putheader("User-Agent", f"gitops-cli/{__version__}")
        for name, value in checked_headers(headers, site):
            connection.putheader(name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)

    def _read(self, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        is_long = False
        # Closed in any case: an error keeps the frames it went through, and so all they hold.
        with io.BytesIO() as body:
            try:
                while piece := answer.read1(_PIECE):
                    body.write(piece)
                    if body.tell() > self._most:
                        raise TooLong(f"its answer is larger than {self._most} bytes")
                    if not is_long and body.tell() > LONG:
                        if not self._long.acquire(timeout=left(deadline)):
                            raise TimeoutError
                        is_long = True
            finally:
                if is_long:
                    self._long.release()
            if answer.length:  # http.client takes less than was announced for the end
                raise http.client.IncompleteRead(b"", answer.length)
            answer.close()  # read1 does not notice the end; the connection itself is kept
            return body.getvalue()


def _joined(answer: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


class AnswerLines:
    """The lines of an answer that does not end."""

    def __init__(
        self,
        connection: Connection,
        wire: Wire,
        answer: http.client.HTTPResponse,
        seconds: float,
    ) -> None:
        self.status = answer.status
        self._connection = connection
        self._wire = wire
        self._answer = answer
        self._seconds = seconds

    def lines(self) -> Iterator[bytes]:
        """Yield lines until the server ends the answer; each comes in time, and is no endless one.

        Raises Broken.
        """
        return self._all(self._line)

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes as it comes, until the server ends the answer; silence has a limit.

        Raises Broken.
        """
        return self._all(self._piece)

    def _all(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        try:
            while came := read():
                yield came
        except (*FAILURES, ValueError, AttributeError) as error:
            # ValueError, AttributeError: closed by another thread in the middle of a read.
            raise explained(error, sent=True) from error
        finally:
            self.close()

    def _piece(self) -> bytes:
        self._wire.allow(deadline=time.monotonic() + self._seconds, room=2 * LINE_MOST)
        piece = self._answer.read1(_PIECE)
        if not piece and self._answer.length:  # less than was announced
            raise http.client.IncompleteRead(b"", self._answer.length)
        return piece

    def _line(self) -> bytes:
        self._wire.allow(deadline=time.monotonic() + self._seconds, room=2 * LINE_MOST)
        line = self._answer.readline(LINE_MOST)
        if len(line) >= LINE_MOST:
            raise TooLong(f"a line of its answer is larger than {LINE_MOST} bytes")
        return line

    def close(self) -> None:
        """Break the connection, also under a thread that reads."""
        self._connection.interrupt()
        self._connection.close()
