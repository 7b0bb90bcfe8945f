"""Sockets on which everything is done by one deadline, and only so much may come.

A socket's own time-out begins anew with each byte, so a peer that trickles outlasts it.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Protocol

from gitops_cli.web.deadline import bounded, left

BUFFER = 1 << 16


class TooLong(OSError):
    """More came than may come."""


class Socket(Protocol):
    """What a wire needs of a socket."""

    def settimeout(self, seconds: float, /) -> None: ...
    def recv_into(self, buffer: Any, /) -> int: ...
    def send(self, data: Any, /) -> int: ...
    def close(self) -> None: ...


class Wire:
    """To http.client a socket. Raises TimeoutError at the deadline, TooLong past what may come."""

    def __init__(self, sock: Socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._room = self._most = BUFFER
        self._readers = 0
        self._is_closed = False

    def allow(self, *, deadline: float, room: int) -> None:
        """Set when all has to be done, and how many bytes may come until then."""
        self._deadline = deadline
        self._room = self._most = room

    def sendall(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(left(self._deadline))
            rest = rest[self._sock.send(rest) :]

    def recv_into(self, buffer: Any) -> int:
        """Receive what is there into a buffer; 0 is the end."""
        if self._room <= 0:
            raise TooLong(f"its answer is larger than {self._most} bytes")
        self._sock.settimeout(left(self._deadline))
        count = self._sock.recv_into(buffer)
        self._room -= count
        return count

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """Return a file to read from; the socket is open as long as it is."""
        self._readers += 1
        return io.BufferedReader(_Reader(self), BUFFER)

    def close(self) -> None:
        """Close the socket, as soon as no file reads from it."""
        self._is_closed = True
        if self._readers <= 0:
            self._sock.close()

    def release(self) -> None:
        """Note that a file is closed."""
        self._readers -= 1
        if self._is_closed:
            self.close()


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire: Wire | None = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._wire is None:
            raise ValueError("closed")
        return self._wire.recv_into(buffer)

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.release()
        super().close()


def connected(host: str, port: int, deadline: float) -> socket.socket:
    """Return a connection to the first address of `host` that takes one; raises OSError."""
    error: OSError = OSError("no address")
    for family, kind, protocol, _, place in _addresses(host, port, deadline):
        try:  # a kernel without IPv6 makes no socket for it
            sock = socket.socket(family, kind, protocol)
        except OSError as failure:
            error = failure
            continue
        try:
            sock.settimeout(left(deadline))
            sock.connect(place)
        except OSError as failure:
            sock.close()
            error = failure
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock
    raise error


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    with suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    # A name server that does not answer takes as long as it likes.
    work = lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # noqa: E731
    return bounded(work, left(deadline))


class InnerTls:
    """TLS over something that is no socket of the system: inside the TLS of a proxy."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, name: str) -> None:
        self._outer = outer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._deadline = time.monotonic()

    def settimeout(self, seconds: float) -> None:
        """Set what the next step may take, however many pieces come for it."""
        self._deadline = time.monotonic() + seconds

    def do_handshake(self) -> None:
        """Begin TLS."""
        self._step(self._tls.do_handshake)

    def recv_into(self, buffer: Any) -> int:
        """Receive; 0 is the end, which many servers do not announce."""
        try:
            count: int = self._step(self._tls.read, len(buffer), buffer)
        except ssl.SSLEOFError:
            return 0
        return count

    def send(self, data: Any) -> int:
        count: int = self._step(self._tls.write, data)
        return count

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._outer.close()

    def _step(self, step: Any, *values: Any) -> Any:
        while True:
            try:
                done = step(*values)
            except ssl.SSLWantReadError:
                self._flush()
                self._outer.settimeout(left(self._deadline))
                came = self._outer.recv(BUFFER)
                self._in.write(came) if came else self._in.write_eof()
                continue
            self._flush()
            return done

    def _flush(self) -> None:
        rest = memoryview(self._out.read())
        while rest:
            self._outer.settimeout(left(self._deadline))
            rest = rest[self._outer.send(rest) :]
