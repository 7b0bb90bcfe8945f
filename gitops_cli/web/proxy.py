"""Ways through a proxy: HTTP's CONNECT, and SOCKS 5 (RFC 1928, RFC 1929)."""

from __future__ import annotations

import base64
import http.client
import os
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.registries import is_loopback
from gitops_cli.web.address import Address
from gitops_cli.web.wire import Wire

_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class ProxyRefused(OSError):
    """The proxy does not connect us."""


class Proxy(NamedTuple):
    """Where connections go through. Its name is not shown: it may hold a password."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str = ""

    @property
    def authorization(self) -> str | None:
        """Return the value of Proxy-Authorization; None without a user."""
        if self.user is None:
            return None
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.host}:{self.port})"


def parse_proxy(url: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is http. Raises ValueError, without the URL."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and url.isprintable()
        port = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"a proxy is a URL of {', '.join(_SCHEMES)}")
    user = None if parts.username is None else unquote(parts.username)
    return Proxy(
        parts.scheme,
        parts.hostname or "",
        port or _SCHEMES[parts.scheme],
        user,
        unquote(parts.password or ""),
    )


def proxy_to(address: Address) -> Proxy | None:
    """Return the proxy that the environment names for a server; raises ConfigurationError."""
    from urllib.request import getproxies, proxy_bypass  # who is told of a proxy needs it not

    proxy = getproxies().get(address.scheme)
    if proxy is None or is_loopback(address.netloc) or proxy_bypass(address.netloc):
        return None
    from gitops_cli.web.no_proxy import is_excepted  # nor all of NO_PROXY

    if is_excepted(address.host, address.port, os.environ):
        return None
    try:
        return parse_proxy(proxy)
    except ValueError as error:
        raise ConfigurationError(f"{address.scheme}_proxy of the environment: {error}") from None


def ask_through(wire: Wire, proxy: Proxy, host: str, port: int) -> None:
    """Let a proxy at the other end of `wire` connect us; raises OSError, HTTPException."""
    if proxy.scheme.startswith("socks"):
        _socks(wire, proxy, host, port)
    else:
        _connect(wire, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _connect(wire: Wire, proxy: Proxy, target: str) -> None:
    head = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        head.append(f"Proxy-Authorization: {proxy.authorization}")
    wire.sendall("\r\n".join([*head, "", ""]).encode())
    answer = http.client.HTTPResponse(wire, method="CONNECT")  # type: ignore[arg-type]
    answer.begin()
    answer.close()
    if not 200 <= answer.status < 300:
        raise ProxyRefused(f"the proxy answered {answer.status} {answer.reason}")


_REASONS = {2: "does not allow it", 3: "no network", 4: "no such host", 5: "refused"}


def _socks(wire: Wire, proxy: Proxy, host: str, port: int) -> None:
    methods = b"\x00" if proxy.user is None else b"\x00\x02"
    wire.sendall(b"\x05" + bytes([len(methods)]) + methods)
    version, method = _exactly(wire, 2)
    if version == 5 and method == 2 and proxy.user is not None:
        wire.sendall(b"\x01" + _counted(proxy.user) + _counted(proxy.password))
        _, refused = _exactly(wire, 2)
        if refused:
            raise ProxyRefused("the proxy does not accept its user and password")
    elif (version, method) != (5, 0):
        raise ProxyRefused("the proxy speaks no SOCKS 5, or wants another login")
    wire.sendall(b"\x05\x01\x00\x03" + _counted(host) + port.to_bytes(2, "big"))
    _, reply, _, kind = _exactly(wire, 4)
    if reply:
        raise ProxyRefused(f"the proxy cannot connect: {_REASONS.get(reply, reply)}")
    length = {1: 4, 4: 16}.get(kind) or _exactly(wire, 1)[0]
    _exactly(wire, length + 2)


def _counted(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise ProxyRefused("a name or password is too long for SOCKS")
    return bytes([len(data)]) + data


def _exactly(wire: Wire, count: int) -> bytes:
    came = bytearray(count)
    view = memoryview(came)
    while view:
        got = wire.recv_into(view)
        if not got:
            raise ProxyRefused("the proxy closed the connection")
        view = view[got:]
    return bytes(came)
