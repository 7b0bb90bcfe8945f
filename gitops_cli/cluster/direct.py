"""The short connection: http.client over TCP or TLS, kept alive in a bounded pool.

The `kubernetes` package takes longer to import than a whole `gitops diff` (facts.md i and j); this
is what a plain kubeconfig needs of it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from gitops_cli.cluster.kubeconfig import Access, header_value
from gitops_cli.cluster.tls import context_for
from gitops_cli.cluster.transport import Broken, Request, Response
from gitops_cli.domain.errors import ConfigurationError

CONNECT_SECONDS = 10.0
POOL_SIZE = 16
_ENDING = 0.5  # seconds; a connection that is interrupted ends at once, but for its TCP part
TOKEN_SECONDS = 60.0  # a token file is read again when older: the kubelet renews it in place


class _Connection(http.client.HTTPConnection):
    """A connection whose TLS name may differ from its address."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, server_name: str | None
    ) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self._tls = tls
        self._server_name = server_name or host
        self.used = False

    def connect(self) -> None:
        sock = socket.create_connection((self.host, self.port), self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.sock = sock
        if self._tls is None:
            return
        try:
            self.sock = self._tls.wrap_socket(
                sock, server_hostname=self._server_name, do_handshake_on_connect=False
            )
            self.sock.do_handshake()
        except BaseException:
            self.close()
            raise

    def interrupt(self) -> None:
        """Let the handshake of another thread fail at once."""
        sock: socket.socket | None = self.sock
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def limit(self, seconds: float) -> None:
        """Let every further read and write take at most so long."""
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)


class _Opening(threading.Thread):
    """A connection that is being made while nobody needs it yet."""

    def __init__(self, connection: _Connection) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._error: Exception | None = None
        self._abandoned = False

    def run(self) -> None:
        try:
            self._connection.connect()
        except Exception as error:  # noqa: BLE001 - raised where the connection is asked for
            self._error = error
        if self._abandoned:
            self._connection.close()

    def connection(self, seconds: float) -> _Connection:
        """Return it as soon as it is there; raises Broken."""
        self.join(seconds)
        if self.is_alive():
            self.abandon()
            raise _broken(TimeoutError(), sent=False)
        if self._error is None:
            return self._connection
        if isinstance(self._error, OSError):
            raise _broken(self._error, sent=False) from self._error
        raise self._error

    def abandon(self) -> None:
        """Close it, at once or as soon as it is there."""
        self._abandoned = True
        deadline = time.monotonic() + _ENDING
        while self.is_alive() and time.monotonic() < deadline:
            self._connection.interrupt()  # again, as the handshake may only begin now
            self.join(0.02)
        if not self.is_alive():
            self._connection.close()


class DirectTransport:
    """Sends requests to one server, at most POOL_SIZE at a time over kept connections."""

    def __init__(self, access: Access) -> None:
        url = urlsplit(access.server)
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._prefix = url.path.rstrip("/")
        self._tls = context_for(access) if url.scheme == "https" else None
        self._server_name = access.server_name
        self._identity = _Identity(access)
        self._idle: list[_Connection] = []
        self._opening: _Opening | None = None
        self._slots = threading.BoundedSemaphore(POOL_SIZE)
        self._lock = threading.Lock()

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        self._opening = _Opening(self._new())
        self._opening.start()

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request; a kept connection that the server closed meanwhile is replaced."""
        deadline = time.monotonic() + timeout
        with self._slots:
            kept = self._kept(timeout)
            if kept is not None:
                try:
                    return self._exchange(kept, request, deadline)
                except Broken as broken:
                    if not isinstance(broken.__cause__, (ConnectionError, BrokenPipeError)):
                        raise
            return self._exchange(self._new(), request, deadline)

    def stream(self, request: Request, *, timeout: float) -> DirectStream:
        """Send a request on a connection of its own; `timeout` is for each line."""
        connection = self._new()
        try:
            connection.limit(min(timeout, CONNECT_SECONDS))
            self._begin(connection, request)
            connection.limit(timeout)
            return DirectStream(connection, connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken(error, sent=False) from error

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            opening, self._opening = self._opening, None
            while self._idle:
                self._idle.pop().close()
        if opening is not None:
            opening.abandon()

    def _kept(self, seconds: float) -> _Connection | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            opening, self._opening = self._opening, None
        return None if opening is None else opening.connection(seconds)

    def _new(self) -> _Connection:
        return _Connection(self._host, self._port, self._tls, self._server_name)

    def _exchange(self, connection: _Connection, request: Request, deadline: float) -> Response:
        sent = False
        try:
            connection.limit(_left(deadline, CONNECT_SECONDS))
            if connection.sock is None:
                connection.connect()
            self._begin(connection, request)
            sent = True
            connection.limit(_left(deadline))
            answer = connection.getresponse()
            body = _read(connection, answer, deadline)
            headers = {name.lower(): value for name, value in answer.getheaders()}
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken(error, sent=sent) from error
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return Response(answer.status, body, headers)

    def _begin(self, connection: _Connection, request: Request) -> None:
        connection.putrequest(request.method, self._prefix + request.path)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        for name, value in self._identity.headers():
            connection.putheader(name, value.encode())
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)


def _read(connection: _Connection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    """Read the body so that a server that trickles cannot hold us past the deadline."""
    chunks = []
    while chunk := answer.read1(1 << 18):
        chunks.append(chunk)
        connection.limit(_left(deadline))
    if answer.length:  # http.client takes less than was announced for the end
        raise http.client.IncompleteRead(b"", answer.length)
    answer.close()  # read1 does not notice the end; the connection itself is kept
    return b"".join(chunks)


def _left(deadline: float, most: float | None = None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left if most is None else min(left, most)


class DirectStream:
    """The lines of an answer that does not end."""

    def __init__(self, connection: _Connection, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self._connection = connection
        self._answer = answer

    def lines(self) -> Iterator[bytes]:
        """Yield lines until the server ends the answer."""
        try:
            while line := self._answer.readline():
                yield line
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # ValueError, AttributeError: closed by another thread in the middle of a read.
            raise _broken(error, sent=True) from error
        finally:
            self.close()

    def close(self) -> None:
        """Break the connection, also under a thread that reads."""
        sock = self._connection.sock
        with suppress(OSError, AttributeError):
            sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class _Identity:
    """The headers that say who asks."""

    def __init__(self, access: Access) -> None:
        self._fixed = access.token
        self._file = access.token_file
        self._impersonate = access.impersonate
        self._read_at = float("-inf")
        self._token = ""

    def headers(self) -> list[tuple[str, str]]:
        token = self._current()
        bearer = [("Authorization", f"Bearer {token}")] if token else []
        return bearer + list(self._impersonate)

    def _current(self) -> str | None:
        if self._file is None:
            return self._fixed
        if time.monotonic() - self._read_at > TOKEN_SECONDS:
            self._token = self._from_file(self._file) or self._token or self._fixed or ""
            self._read_at = time.monotonic()
        return self._token

    def _from_file(self, file: Path) -> str:
        try:
            return header_value(file.read_text("ascii"), f"{file}: the token")
        except UnicodeDecodeError:
            why = "it is not ASCII"
        except OSError as error:
            why = error.strerror or str(error)
        if self._token or self._fixed:
            return ""
        raise ConfigurationError(f"{file}: cannot read the token: {why}")


def _broken(error: Exception, *, sent: bool) -> Broken:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted: {error.verify_message}"
        return Broken(why, again=False)
    if isinstance(error, ssl.SSLError):
        return Broken(f"TLS: {error.reason or error}", sent=sent, again=sent)
    if isinstance(error, socket.gaierror):
        return Broken(f"unknown host ({error.strerror})", again=False)
    if isinstance(error, TimeoutError):
        return Broken("no answer in time", sent=sent, late=True)
    if isinstance(error, http.client.IncompleteRead):
        return Broken("the answer broke off", sent=sent)
    if isinstance(error, http.client.RemoteDisconnected):
        return Broken("the server closed the connection without an answer", sent=sent)
    words = error.strerror if isinstance(error, OSError) else None
    return Broken(words or str(error) or type(error).__name__, sent=sent)
