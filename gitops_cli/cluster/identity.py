"""Who asks: the headers that a kubeconfig's user or a pod's ServiceAccount sends."""

from __future__ import annotations

import time
from pathlib import Path

from gitops_cli.cluster.kubeconfig import Access, basic_header, header_value
from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.web.exchange import HttpRequest, LineStream, Response, Transport

TOKEN_SECONDS = 60.0  # a token file is read again when older: the kubelet renews it in place


class Identity:
    """The headers of an access as far as they need no login; call it for each request.

    `number` counts the tokens there have been.
    """

    def __init__(self, access: Access) -> None:
        self.number = 0
        self._fixed = access.token
        self._file = access.token_file
        self._basic = access.basic
        self._impersonate = access.impersonate
        self._read_at = float("-inf")
        self._token = ""

    def __call__(self) -> list[tuple[str, str]]:
        token = self._current()
        login = f"Bearer {token}" if token else self._basic and basic_header(self._basic)
        return [("Authorization", login), *self._impersonate] if login else [*self._impersonate]

    def renewed(self, number: int) -> bool:
        """Tell whether there is another token than the one of that number, which was refused."""
        if self._file is not None and self.number == number:
            self._read_at = float("-inf")
            self._current()
        return self.number != number

    def _current(self) -> str | None:
        if self._file is None:
            return self._fixed
        if time.monotonic() - self._read_at > TOKEN_SECONDS:
            token = self._from_file(self._file) or self._token or self._fixed or ""
            self.number += token != self._token
            self._token, self._read_at = token, time.monotonic()
        return self._token

    def _from_file(self, file: Path) -> str:
        try:
            return header_value(file.read_text("ascii"), f"{file}: the token")
        except OSError as error:
            why = error.strerror or str(error)
        except ValueError:
            why = "it is not ASCII"
        if self._token or self._fixed:
            return ""
        raise ConfigurationError(f"{file}: cannot read the token: {why}")


class Renewing:
    """A transport that asks once more where a token was refused and its file has another now."""

    def __init__(self, carrier: Transport, identity: Identity) -> None:
        self._carrier = carrier
        self._identity = identity

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        self._carrier.open()

    def send(self, request: HttpRequest, *, timeout: float) -> Response:
        """Send a request and return the whole answer."""
        until = time.monotonic() + timeout
        number = self._identity.number
        answer = self._carrier.send(request, timeout=timeout)
        if answer.status == 401 and self._identity.renewed(number):
            return self._carrier.send(request, timeout=max(0.0, until - time.monotonic()))
        return answer

    def stream(self, request: HttpRequest, *, timeout: float) -> LineStream:
        """Send a request and return the answer's lines as they come."""
        number = self._identity.number
        stream = self._carrier.stream(request, timeout=timeout)
        if stream.status == 401 and self._identity.renewed(number):
            stream.close()
            return self._carrier.stream(request, timeout=timeout)
        return stream

    def close(self) -> None:
        self._carrier.close()
