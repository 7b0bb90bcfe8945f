"""Who asks: the headers that a kubeconfig's user or a pod's ServiceAccount sends."""

from __future__ import annotations

import time
from pathlib import Path

from gitops_cli.cluster.kubeconfig import Access, header_value
from gitops_cli.domain.errors import ConfigurationError

TOKEN_SECONDS = 60.0  # a token file is read again when older: the kubelet renews it in place


class Identity:
    """The headers of an access; call it for each request."""

    def __init__(self, access: Access) -> None:
        self._fixed = access.token
        self._file = access.token_file
        self._impersonate = access.impersonate
        self._read_at = float("-inf")
        self._token = ""

    def __call__(self) -> list[tuple[str, str]]:
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
