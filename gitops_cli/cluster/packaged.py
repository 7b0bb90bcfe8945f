"""The long connection: the `kubernetes` package, for what the short one does not know.

Exec plugins, auth providers (OIDC), basic authentication and proxies are read and kept fresh by
the package; only its authenticated connection pool is used, none of its models.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.config import ConfigException

from gitops_cli.cluster.kubeconfig import Access, header_value
from gitops_cli.domain.errors import ConfigurationError, Denied
from gitops_cli.domain.text import one_line
from gitops_cli.web.deadline import bounded
from gitops_cli.web.exchange import Broken, Request, Response

_CONNECT_SECONDS = 10.0
_POOL_SIZE = 16


class PackagedTransport:
    """Sends requests through the package's connection pool."""

    def __init__(self, access: Access) -> None:
        self._server = access.server
        self._context = access.context
        self._impersonate = access.impersonate
        self._client = _loaded(access)
        self._pool: Any = self._client.rest_client.pool_manager

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
        # Asking for the settings is what renews a token that has expired, by its plugin.
        try:
            settings = bounded(self._client.configuration.auth_settings, timeout)
        except TimeoutError as error:
            why = "the login was not renewed in time"
            raise Broken(why, again=False, late=True) from error
        for setting in settings.values():
            if setting["in"] == "header" and setting["value"]:
                scheme, _, secret = setting["value"].partition(" ")
                where = f"the login of context `{self._context}`"
                headers[setting["key"]] = f"{scheme} {header_value(secret, where)}"
        for name, value in self._impersonate:
            # A header for each group: a comma would be part of its name.
            headers.add(name, value.encode().decode("latin-1"))
        limit = urllib3.Timeout(connect=min(timeout, _CONNECT_SECONDS), read=timeout)
        try:
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
    while chunk := answer.read1(1 << 18):
        chunks.append(chunk)
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


def _loaded(access: Access) -> Any:
    settings = client.Configuration()
    settings.connection_pool_maxsize = _POOL_SIZE
    settings.retries = False
    said = _Said()
    root = logging.getLogger()
    root.addHandler(said)
    try:
        load: Callable[..., None] = config.load_kube_config
        load(
            os.pathsep.join(map(str, access.files)),
            context=access.context,
            client_configuration=settings,
            persist_config=False,
        )
    except ConfigException as error:
        raise ConfigurationError(f"kubeconfig: {one_line(str(error))}") from error
    finally:
        root.removeHandler(said)
    # The package only logs that an exec plugin failed, and goes on as nobody.
    if "exec" in access.beyond and not settings.api_key and settings.cert_file is None:
        why = one_line(" ".join(said.lines)) or "it returned no credentials"
        raise Denied(
            f"the exec plugin of context `{access.context}` gave no credentials: {why}",
            hint="run the command under `exec` in the kubeconfig to see what it says",
        )
    return client.ApiClient(settings)


class _Said(logging.Handler):
    """Keeps what the package logs while it loads a kubeconfig."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
