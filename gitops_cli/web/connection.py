"""One connection: through a proxy where there is one, with TLS or without, for request after
request.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.web.address import Address
from gitops_cli.web.deadline import left
from gitops_cli.web.exchange import Broken, Cause
from gitops_cli.web.proxy import Proxy, ProxyRefused, ask_through
from gitops_cli.web.tls import Trust, make_context
from gitops_cli.web.wire import InnerTls, Socket, TooLong, Wire, connected

CONNECT_SECONDS = 10.0
FAILURES = (OSError, http.client.HTTPException, UnicodeError)
"""What a connection fails with; UnicodeError is of names that DNS cannot have."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ENDING = 0.5  # seconds; a connection that is interrupted ends at once, but for its TCP part


class Site(NamedTuple):
    """A server and how to get there. `name` is the one its certificate has, if another."""

    address: Address
    tls: ssl.SSLContext | None = None
    name: str | None = None
    proxy: Proxy | None = None

    @property
    def is_relayed(self) -> bool:
        """Tell whether a proxy reads requests and passes them on; TLS goes through a tunnel."""
        return self.tls is None and self.proxy is not None and self.proxy.scheme.startswith("http")


class Connection(http.client.HTTPConnection):
    """A connection to a site; everything on it is done by a deadline."""

    auto_open = 0

    def __init__(self, site: Site) -> None:
        super().__init__(site.address.host, site.address.port)
        self._site = site
        self._socket: socket.socket | None = None
        self.wire: Wire | None = None

    def enter(self, deadline: float) -> Wire:
        """Connect, before the deadline and within CONNECT_SECONDS; raises OSError."""
        deadline = min(deadline, time.monotonic() + CONNECT_SECONDS)
        proxy, address = self._site.proxy, self._site.address
        first = address if proxy is None else proxy
        self._socket = connected(first.host, first.port, deadline)
        try:
            sock = self._secured(self._socket, deadline)
        except BaseException:
            self._socket.close()
            raise
        self.wire = Wire(sock, deadline)
        self.sock = self.wire
        return self.wire

    def _secured(self, sock: socket.socket, deadline: float) -> Socket:
        proxy, tls = self._site.proxy, self._site.tls
        name = self._site.name or self._site.address.host
        if proxy is not None and proxy.scheme == "https":
            sock = self._shaken(make_context(Trust()), sock, proxy.host, deadline)
        if proxy is not None and not self._site.is_relayed:
            ask_through(Wire(sock, deadline), proxy, self.host, self.port)
        if tls is None:
            return sock
        if isinstance(sock, ssl.SSLSocket):
            inner = InnerTls(sock, tls, name)
            inner.settimeout(left(deadline))
            inner.do_handshake()
            return inner
        return self._shaken(tls, sock, name, deadline)

    def _shaken(
        self, context: ssl.SSLContext, sock: socket.socket, name: str, deadline: float
    ) -> ssl.SSLSocket:
        shaken = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        self._socket = shaken  # the one above is an empty shell now
        shaken.settimeout(left(deadline))
        shaken.do_handshake()
        return shaken

    def close(self) -> None:
        """Close it, also under a request."""
        super().close()
        if self.wire is not None:
            self.wire.close()

    def interrupt(self) -> None:
        """Let what another thread does on it fail at once."""
        sock = self._socket
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Opening(threading.Thread):
    """A connection that is being made while nobody needs it yet."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._error: Exception | None = None
        self._abandoned = False

    def run(self) -> None:
        try:
            self._connection.enter(time.monotonic() + CONNECT_SECONDS)
        except Exception as error:  # noqa: BLE001 - raised where the connection is asked for
            self._error = error
        if self._abandoned:
            self._connection.close()

    def connection(self, seconds: float) -> Connection:
        """Return it as soon as it is there; raises Broken."""
        self.join(seconds)
        if self.is_alive():
            self.abandon()
            raise explained(TimeoutError(), sent=False)
        if self._error is None:
            return self._connection
        if isinstance(self._error, FAILURES):
            raise explained(self._error, sent=False) from self._error
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


def explained(error: Exception, *, sent: bool) -> Broken:
    """Return what a failure means."""
    match error:
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted: {error.verify_message}"
            return Broken(one_line(why), again=False, cause=Cause.UNTRUSTED)
        case ssl.SSLError():
            why = f"TLS failed: {error.reason or error}"
            return Broken(one_line(why), sent=sent, again=sent, cause=Cause.TLS)
        case socket.gaierror() | UnicodeError():
            words = error.strerror if isinstance(error, socket.gaierror) else "not a name"
            return Broken(f"unknown host ({words})", again=False, cause=Cause.UNKNOWN_HOST)
        case TimeoutError():
            return Broken("no answer in time", sent=sent, late=True)
        case TooLong():
            return Broken(str(error), sent=sent, again=False, cause=Cause.TOO_LONG)
        case ProxyRefused():
            return Broken(one_line(str(error))[:200], again=False, cause=Cause.PROXY)
        case http.client.IncompleteRead():
            return Broken("the answer broke off", sent=sent)
        case http.client.RemoteDisconnected():
            return Broken("the server closed the connection without an answer", sent=sent)
    words = error.strerror if isinstance(error, OSError) else None
    cause = Cause.BROKEN if sent else Cause.UNREACHABLE
    why = one_line(words or str(error) or type(error).__name__)[:200]
    return Broken(why, sent=sent, cause=cause)


def checked_headers(headers: list[tuple[str, str]], site: Site) -> list[tuple[str, bytes]]:
    """Return headers as they can be sent; raises ConfigurationError, which shows no value."""
    checked = []
    for name, value in headers:
        if name.lower() == "authorization" and not site.address.is_private:
            raise ConfigurationError(
                f"{site.address}: credentials are sent over https only",
                hint="name its https address",
            )
        if not _TOKEN.fullmatch(name):
            raise ConfigurationError(f"there cannot be a header `{one_line(name)}`")
        if not value.strip() or not value.isprintable():
            raise ConfigurationError(f"the value of the header {name} cannot be sent")
        checked.append((name, value.encode()))
    return checked
