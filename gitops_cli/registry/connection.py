"""One registry's connections: TLS or, where asked, plain; proxies, and patience with rate limits.

Answers 429, 502, 503 and 504 and broken connections are tried again until the caller's deadline;
a Retry-After header says when, otherwise waits double from half a second.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.registries import RegistryRules, is_loopback
from gitops_cli.registry.trust import trust_of
from gitops_cli.web.address import Address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, Cause, HttpRequest
from gitops_cli.web.patience import backoff, jitter, pause, retry_after
from gitops_cli.web.pool import Pool
from gitops_cli.web.proxy import proxy_to
from gitops_cli.web.tls import make_context

TRY_SECONDS = 30.0
BROKEN_TRIES = 3  # a host that is not there is reported soon, not when the time is up
MAX_BODY = 4 * 1024 * 1024  # what the specification asks registries to accept as a manifest
_FORM = "application/x-www-form-urlencoded"
_BUSY = frozenset({429, 502, 503, 504})


class RegistryAnswer(NamedTuple):
    """A response and where it came from."""

    address: Address
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class RegistryConnection:
    """Keeps connections to one host and port open."""

    def __init__(self, rules: RegistryRules, environ: Mapping[str, str]) -> None:
        self.is_plain = rules.insecure
        # As docker does: this machine's own registries may speak plain HTTP, TLS is tried first.
        self._may_be_plain = is_loopback(rules.host)
        self._rules = rules
        self._environ = environ
        self._pools: dict[str, Pool] = {}
        self._guard = threading.Lock()

    @property
    def scheme(self) -> str:
        """Return how the registry is spoken to, as far as that is known."""
        return "http" if self.is_plain else "https"

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def request(
        self,
        method: str,
        address: Address,
        end: float,
        *,
        accept: str,
        authorization: str | None = None,
        form: bytes | None = None,
    ) -> RegistryAnswer:
        """Return the answer; tries again until `end` (time.monotonic()). Raises RegistryError."""
        request = HttpRequest(method, address.path, form, _FORM, accept, authorization)
        broken_tries = 0
        for attempt in itertools.count():
            try:
                answer = self._once(address, request, end)
            except Broken as broken:
                if self._turns_plain(address, broken):
                    address = address._replace(scheme="http")
                    continue
                broken_tries += 1
                again = broken.again and broken_tries < BROKEN_TRIES
                if not (again and pause(backoff(attempt), end)):
                    raise _explained(broken, address.netloc) from broken
            else:
                asked = retry_after(answer.headers.get("retry-after", ""))
                # Everybody who was told the same second should not come back in it.
                wait = backoff(attempt) if asked is None else asked + jitter(0, 0.5)
                if answer.status not in _BUSY or not pause(wait, end):
                    return answer
        raise AssertionError("the loop above has no end")

    def _once(self, address: Address, request: HttpRequest, end: float) -> RegistryAnswer:
        left = max(0.1, end - time.monotonic())
        response = self._pool(address).send(request, timeout=min(left, TRY_SECONDS))
        return RegistryAnswer(address, response.status, response.headers, response.body)

    def _pool(self, address: Address) -> Pool:
        with self._guard:
            if address.scheme not in self._pools:
                is_tls = address.scheme == "https"
                tls = make_context(trust_of(self._rules, self._environ)) if is_tls else None
                site = Site(address._replace(path=""), tls, proxy=proxy_to(address))
                self._pools[address.scheme] = Pool(site, most=MAX_BODY)
            return self._pools[address.scheme]

    def _turns_plain(self, address: Address, broken: Broken) -> bool:
        """Note that a loopback registry speaks no TLS; a bad certificate is no such sign.

        Several requests find that out at once.
        """
        if not self._may_be_plain or address.scheme != "https" or broken.cause is not Cause.TLS:
            return False
        self.is_plain = True
        return True


def _explained(broken: Broken, host: str) -> RegistryError:
    match broken.cause:
        case Cause.UNKNOWN_HOST:
            return RegistryError(f"{host}: no such host")
        case Cause.UNREACHABLE:
            return RegistryError(f"{host}: refuses connections, or cannot be reached: {broken}")
        case Cause.UNTRUSTED:
            return RegistryError(
                f"{host}: {broken}",
                hint=f'name its authority: ca_file in `[registry."{host}"]` of the user\'s config, '
                f"SSL_CERT_FILE, or /etc/docker/certs.d/{host}/ca.crt",
            )
        case Cause.TLS:
            return RegistryError(
                f"{host}: {broken}",
                hint=f'a registry without TLS: `insecure = true` in `[registry."{host}"]` of the '
                "user's config",
            )
        case _:
            return RegistryError(f"{host}: {broken}")
