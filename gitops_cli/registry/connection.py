"""HTTP to one host: TLS or, where asked, plain; proxies, time-outs, and patience with rate limits.

Answers 429, 502, 503 and 504 and broken connections are tried again until the caller's deadline;
a Retry-After header says when, otherwise waits double from half a second.
"""

from __future__ import annotations

import itertools
import random
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
    TimeoutError,
)

from gitops_cli.domain.errors import RegistryError
from gitops_cli.domain.registries import RegistryRules, is_loopback
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.registry.tls import tls_context

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
BROKEN_TRIES = 3  # a host that is not there is reported soon, not when the time is up
MAX_BODY = 4 * 1024 * 1024  # what the specification asks registries to accept as a manifest
_BUSY = frozenset({429, 502, 503, 504})


class Answer(NamedTuple):
    """A response, read whole. `url` is where it came from, `challenges` its WWW-Authenticate."""

    url: str
    status: int
    headers: Mapping[str, str]
    challenges: Sequence[str]
    body: bytes


class Connection:
    """Keeps connections to one host open."""

    def __init__(self, rules: RegistryRules, environ: Mapping[str, str]) -> None:
        self.host = rules.host
        # As docker does: this machine's own registries may speak plain HTTP, TLS is tried first.
        self._may_be_plain = is_loopback(rules.host)
        self.is_plain = rules.insecure
        self._pool = _pool(rules, environ)

    def close(self) -> None:
        """Close what is open."""
        self._pool.clear()

    def url(self, path: str) -> str:
        """Return the address of `path`."""
        return f"{'http' if self.is_plain else 'https'}://{self.host}{path}"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        end: float,
        *,
        body: bytes | None = None,
    ) -> Answer:
        """Return the answer; tries again until `end` (time.monotonic()). Raises RegistryError."""
        broken = 0
        for attempt in itertools.count():
            try:
                answer = self._once(method, url, headers, end, body)
            except (HTTPError, ssl.SSLError) as error:
                if self._turns_plain(error):
                    url = "http" + url.removeprefix("https")
                    continue
                broken += 1
                again = _is_transient(error) and broken < BROKEN_TRIES
                if not (again and _pause(_backoff(attempt), end)):
                    raise _explained(error, url) from error
            else:
                wait = _delay(answer, attempt)
                if answer.status not in _BUSY or not _pause(wait, end):
                    return answer
        raise AssertionError("the loop above has no end")

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], end: float, body: bytes | None
    ) -> Answer:
        left = max(0.1, end - time.monotonic())
        response = self._pool.urlopen(
            method,
            url,
            headers=dict(headers),
            body=body,
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=urllib3.Timeout(min(left, CONNECT_SECONDS), min(left, READ_SECONDS)),
        )
        content = response.read(MAX_BODY + 1)
        if len(content) > MAX_BODY:
            response.close()
        response.release_conn()
        challenges = response.headers.getlist("WWW-Authenticate")
        return Answer(url, response.status, response.headers, challenges, content)

    def _turns_plain(self, error: Exception) -> bool:
        """Note that a loopback registry speaks no TLS; a bad certificate is no such sign."""
        cause = error.args[0] if isinstance(error, SSLError) and error.args else error
        speaks_tls = isinstance(cause, ssl.SSLCertVerificationError)
        if self.is_plain or not self._may_be_plain or speaks_tls or not _is_tls(error):
            return False
        self.is_plain = True
        return True


def _pool(rules: RegistryRules, environ: Mapping[str, str]) -> urllib3.PoolManager:
    context = tls_context(rules, environ)
    scheme = "http" if rules.insecure else "https"
    proxy = getproxies().get(scheme)
    if proxy is None or is_loopback(rules.host) or proxy_bypass(rules.host):
        return urllib3.PoolManager(ssl_context=context, maxsize=8)
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=secret)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, ssl_context=context, maxsize=8)


def _is_tls(error: Exception) -> bool:
    return isinstance(error, SSLError | ssl.SSLError)


def _is_transient(error: Exception) -> bool:
    return not (_is_tls(error) or isinstance(error, ProxyError | LocationValueError))


def _backoff(attempt: int) -> float:
    return random.uniform(0, 0.5 * 2 ** min(attempt, 5))  # noqa: S311 - spreads load, no secret


def _delay(answer: Answer, attempt: int) -> float:
    asked = retry_after(answer, datetime.now(UTC))
    # Everybody who was told the same second should not come back in it.
    return _backoff(attempt) if asked is None else asked + random.uniform(0, 0.5)  # noqa: S311


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Return the seconds an answer asks to wait: a number or a date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _pause(seconds: float, end: float) -> bool:
    """Sleep, and return True; return False at once if `end` would come first."""
    if time.monotonic() + seconds >= end:
        return False
    time.sleep(seconds)
    return True


def _explained(error: Exception, url: str) -> RegistryError:
    host = urlsplit(url).netloc
    if _is_tls(error):
        return _tls_explained(error, host)
    match error:
        case NameResolutionError():
            return RegistryError(f"{host}: no such host")
        case NewConnectionError():
            return RegistryError(f"{host}: refuses connections, or cannot be reached")
        case ProxyError():
            return RegistryError(f"{host}: cannot be reached through the proxy")
        case TimeoutError():
            return RegistryError(f"{host}: no answer in time")
        case _:
            words = redacted(one_line(str(error)))[:200]
            return RegistryError(f"{host}: the connection broke: {words}")


def _tls_explained(error: Exception, host: str) -> RegistryError:
    cause = error.args[0] if isinstance(error, SSLError) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RegistryError(
            f"{host}: its certificate is not trusted: {one_line(cause.verify_message)}",
            hint=f'name its authority: ca_file in `[registry."{host}"]` of the user\'s config, '
            f"SSL_CERT_FILE, or /etc/docker/certs.d/{host}/ca.crt",
        )
    return RegistryError(
        f"{host}: TLS failed: {one_line(str(cause))[:200]}",
        hint=f'a registry without TLS: `insecure = true` in `[registry."{host}"]` of the '
        "user's config",
    )
