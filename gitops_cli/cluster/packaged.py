"""The long connection: the `kubernetes` package, for what the short one does not know.

Where somebody logs in first, and through HTTP proxies, its connection pool carries the requests;
none of its models is used. Its logins by OIDC are in providers.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import urllib3
from kubernetes import client

from gitops_cli.cluster.identity import Identity
from gitops_cli.cluster.kubeconfig import Access
from gitops_cli.cluster.proxies import Proxy
from gitops_cli.cluster.site import site_of
from gitops_cli.domain.text import one_line
from gitops_cli.web.deadline import bounded
from gitops_cli.web.exchange import Broken, Request, Response
from gitops_cli.web.pool import BODY_MOST
from gitops_cli.web.proxy import parse_proxy

_CONNECT_SECONDS = 10.0
_POOL_SIZE = 16


class PackagedTransport:
    """Sends requests through the package's connection pool."""

    def __init__(self, access: Access, identity: Identity) -> None:
        self._server = access.server
        self._identity = identity
        self._pool = _pool(access)

    def open(self) -> None:
        """Nothing: the first request connects."""

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request and return the whole answer."""
        deadline = time.monotonic() + timeout
        answer = self._open(request, timeout)
        try:
            body = _read(answer, deadline)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            answer.close()
            raise Broken(one_line(str(error)), sent=True, late=_is_late(error)) from error
        return Response(answer.status, body, {k.lower(): v for k, v in answer.headers.items()})

    def stream(self, request: Request, *, timeout: float) -> PackagedStream:
        """Send a request and return the answer's lines as they come."""
        return PackagedStream(self._open(request, timeout))

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def _open(self, request: Request, timeout: float) -> Any:
        headers = urllib3.HTTPHeaderDict(request.headers)
        for name, value in self._identity():
            # A header for each group: a comma would be part of its name.
            headers.add(name, value.encode().decode("latin-1"))
        limit = urllib3.Timeout(connect=min(timeout, _CONNECT_SECONDS), read=timeout)

        def ask() -> Any:
            return self._pool.request(
                request.method,
                self._server + request.path,
                body=request.body,
                headers=headers,
                timeout=limit,
                retries=False,
                redirect=False,
                preload_content=False,
            )

        try:
            return bounded(ask, timeout)  # urllib3's limit is for each read, not for all of them
        except (urllib3.exceptions.HTTPError, OSError) as error:
            again = not isinstance(error, urllib3.exceptions.SSLError)
            late = _is_late(error)
            raise Broken(one_line(str(error)), sent=True, again=again, late=late) from error


def _is_late(error: Exception) -> bool:
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # to urllib3 a time-out too
    return not refused and isinstance(error, (TimeoutError, urllib3.exceptions.TimeoutError))


def _read(answer: Any, deadline: float) -> bytes:
    """Read the body so that a server that trickles cannot hold us past the deadline."""
    chunks = []
    size = 0
    while chunk := answer.read1(1 << 18):
        chunks.append(chunk)
        size += len(chunk)
        if size > BODY_MOST:
            raise OSError("the answer is too long")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        with suppress(AttributeError):  # gone with the last byte
            answer.connection.sock.settimeout(left)
    return b"".join(chunks)


class PackagedStream:
    """The lines of an answer that does not end."""

    def __init__(self, answer: Any) -> None:
        self.status: int = answer.status
        self._answer = answer

    def lines(self) -> Iterator[bytes]:
        """Yield lines until the server ends the answer."""
        rest = b""
        try:
            for chunk in self._answer.stream(1 << 16, decode_content=True):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line + b"\n" for line in whole)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            raise Broken(one_line(str(error)), sent=True) from error
        finally:
            self.close()

    def close(self) -> None:
        """Break the connection."""
        with suppress(OSError, AttributeError, ValueError):
            self._answer.close()


def _pool(access: Access) -> Any:
    settings = client.Configuration()
    settings.host = access.server
    settings.connection_pool_maxsize = _POOL_SIZE
    settings.retries = False
    settings.no_proxy = None  # whether there is a proxy is decided already, as kubectl does
    settings.proxy = None
    if access.proxy is not None:
        settings.proxy = access.proxy.url
        settings.proxy_headers = _proxy_headers(access.proxy)
    pool = client.ApiClient(settings).rest_client.pool_manager
    if access.server.startswith("https"):
        if not access.verify:  # the kubeconfig says so; no need to repeat it at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        # By one context and not by files: no private key is written to a disk.
        for key in ("cert_reqs", "ca_certs", "ca_cert_data", "cert_file", "key_file"):
            pool.connection_pool_kw.pop(key, None)
        pool.connection_pool_kw["ssl_context"] = site_of(access).tls
        if access.server_name is not None:
            pool.connection_pool_kw["server_hostname"] = access.server_name
    return pool


def _proxy_headers(proxy: Proxy) -> dict[str, str] | None:
    authorization = parse_proxy(proxy.url).authorization
    return None if authorization is None else {"Proxy-Authorization": authorization}
