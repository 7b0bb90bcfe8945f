"""Ask registries for manifests (OCI distribution specification, and Docker's that it grew from).

Thread-safe: several images may be asked for at once.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from gitops_cli import __version__
from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import ImageRef, split_repository
from gitops_cli.domain.registries import RegistryRules, is_loopback
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.domain.version import is_digest
from gitops_cli.registry.challenge import Challenge, parse_challenges
from gitops_cli.registry.connection import MAX_BODY, Answer, Connection, retry_after
from gitops_cli.registry.credentials import Credentials, find_credentials

# Without all four, registries convert the manifest, and so its digest is another.
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
MAX_REDIRECTS = 3
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_DOCKER_HUB_API = "registry-1.docker.io"


class _Place(NamedTuple):
    """A repository: `host` as images name it, `api` where it answers."""

    host: str
    path: str

    @property
    def api(self) -> str:
        return _DOCKER_HUB_API if self.host == "docker.io" else self.host


class Registries:
    """All registries that a run talks to: connections, credentials and tokens, made when needed."""

    def __init__(
        self,
        rules: Mapping[str, RegistryRules],
        environ: Mapping[str, str],
        *,
        timeout: float = 30.0,
    ) -> None:
        """`timeout` is for one question, in seconds, with all its retries."""
        self._rules = rules
        self._environ = environ
        self._timeout = timeout
        self._guard = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._authorizations: dict[_Place, str] = {}

    def digest(self, image: ImageRef, *, deadline: float | None = None) -> str | None:
        """Return the digest of an image's manifest or index, or None if there is no such image.

        `deadline` is a time.monotonic(). Raises RegistryError, Denied or ConfigurationError.
        """
        place = _Place(*split_repository(image.repository))
        path = f"/v2/{place.path}/manifests/{image.digest or image.tag or 'latest'}"
        end = time.monotonic() + self._timeout
        end = end if deadline is None else min(end, deadline)
        answer = self._ask(place, "HEAD", path, end)
        if answer.status == 404:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and is_digest(digest):
            return digest
        if answer.status in (200, 405):  # the header is optional, and so is HEAD for some proxies
            answer = self._ask(place, "GET", path, end)
            if answer.status == 200:
                return _digest_of(answer.body, image)
            if answer.status == 404:
                return None
        raise _unexpected(answer, place)

    def is_plain(self, host: str) -> bool:
        """Tell whether `host` is spoken to without TLS, as the user's config or a question said."""
        place = _Place(host, "")
        return self._connection(place.api).is_plain

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()

    def _ask(self, place: _Place, method: str, path: str, end: float) -> Answer:
        """Return the answer, wherever redirects lead; each host is told only its own secrets."""
        here, url = place, self._connection(place.api).url(path)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._authorized(here, method, url, end)
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None:
                return answer
            url = _target(answer.url, location, place)
            if urlsplit(answer.url).scheme == "https" and urlsplit(url).scheme != "https":
                raise RegistryError(f"{place.host}: redirects from HTTPS to plain HTTP")
            if urlsplit(url).netloc != here.api:
                here = _Place(urlsplit(url).netloc, place.path)
        raise RegistryError(f"{place.host}: redirects without end")

    def _authorized(self, place: _Place, method: str, url: str, end: float) -> Answer:
        """Ask `place`, whose host is that of `url`; its challenge is answered once."""
        connection = self._connection(place.api)
        headers = {"Accept": MANIFESTS, "User-Agent": f"gitops-cli/{__version__}"}
        known = self._authorizations.get(place)
        answer = connection.request(method, url, _with(headers, known), end)
        if answer.status == 401:
            authorization = self._authorize(place, connection, answer, end)
            self._authorizations[place] = authorization
            answer = connection.request(method, answer.url, _with(headers, authorization), end)
        if answer.status in (401, 403):
            raise self._denied(place, answer)
        return answer

    def _connection(self, host: str) -> Connection:
        with self._guard:
            if host not in self._connections:
                rules = self._rules.get(host) or RegistryRules(host)
                self._connections[host] = Connection(rules, self._environ)
            return self._connections[host]

    def _authorize(self, place: _Place, connection: Connection, answer: Answer, end: float) -> str:
        """Return an Authorization header that answers the registry's challenge."""
        credentials = find_credentials(place.host, place.path, self._environ)
        if credentials is not None and not _is_private(answer.url):
            raise RegistryError(
                f"{place.host}: wants credentials sent over plain HTTP",
                hint="they travel over TLS only, or inside this machine",
            )
        if credentials is not None and credentials.registry_token is not None:
            return f"Bearer {credentials.registry_token}"
        challenges = {c.scheme: c for c in parse_challenges(answer.challenges)}
        if "bearer" in challenges:
            return self._token(place, connection, challenges["bearer"], credentials, end)
        if "basic" in challenges:
            if credentials is None or credentials.basic is None:
                raise Denied(
                    f"{place.host}: asks for credentials, and there are none",
                    hint=f"docker login {place.host}",
                )
            return credentials.basic
        raise RegistryError(f"{place.host}: asks for an authentication gitops does not know")

    def _token(
        self,
        place: _Place,
        connection: Connection,
        challenge: Challenge,
        credentials: Credentials | None,
        end: float,
    ) -> str:
        realm = _target(connection.url("/"), challenge.parameters.get("realm", ""), place)
        anonymous = connection.is_plain and credentials is None
        if not anonymous and not _is_private(realm):
            raise RegistryError(f"{place.host}: wants credentials sent over plain HTTP to {realm}")
        scope = challenge.parameters.get("scope") or f"repository:{place.path}:pull"
        fields = {"scope": scope}
        if service := challenge.parameters.get("service"):
            fields["service"] = service
        token_server = self._token_server(realm, connection)
        answer = _token_request(token_server, realm, fields, credentials, end)
        if answer.status in (400, 401, 403):
            raise self._denied(place, answer, credentials)
        if answer.status != 200:
            raise _unexpected(answer, place)
        try:
            content = json.loads(answer.body)
            token = content.get("token") or content.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str):
            raise RegistryError(f"{place.host}: its token server sent no token")
        return f"Bearer {token}"

    def _token_server(self, realm: str, registry: Connection) -> Connection:
        host = urlsplit(realm).netloc
        return registry if host == registry.host else self._connection(host)

    def _denied(
        self, place: _Place, answer: Answer, credentials: Credentials | None = None
    ) -> Denied:
        credentials = credentials or find_credentials(place.host, place.path, self._environ)
        if credentials is None:
            return Denied(
                f"{place.host}: {place.path} is not open to everybody, or does not exist "
                f"({answer.status})",
                hint=f"docker login {place.host}",
            )
        return Denied(
            f"{place.host}: does not let the credentials of {credentials.origin} read "
            f"{place.path} ({answer.status})",
            hint=f"docker login {place.host}, as somebody who may pull it",
        )


def _token_request(
    server: Connection,
    realm: str,
    fields: dict[str, str],
    credentials: Credentials | None,
    end: float,
) -> Answer:
    headers = {"Accept": "application/json", "User-Agent": f"gitops-cli/{__version__}"}
    if credentials is not None and credentials.identity_token is not None:
        # OAuth2, as distribution/distribution's docs/spec/auth/oauth.md has it.
        form = {
            **fields,
            "grant_type": "refresh_token",
            "client_id": "gitops-cli",
            "refresh_token": credentials.identity_token,
        }
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return server.request("POST", realm, headers, end, body=urlencode(form).encode())
    basic = None if credentials is None else credentials.basic
    separator = "&" if urlsplit(realm).query else "?"
    url = f"{realm}{separator}{urlencode(fields)}"
    return server.request("GET", url, _with(headers, basic), end)


def _target(base: str, location: str, place: _Place) -> str:
    """Return where a registry sends us; nothing in it that two readers may read differently."""
    try:
        url = urljoin(base, location)
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        usable = False
    if not (usable and _ADDRESS.fullmatch(parts.netloc) and url.isascii() and url.isprintable()):
        raise RegistryError(f"{place.host}: sends us to {one_line(redacted(location))[:100]}")
    return url


def _is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent there."""
    return urlsplit(url).scheme == "https" or is_loopback(urlsplit(url).netloc)


def _with(headers: dict[str, str], authorization: str | None) -> dict[str, str]:
    return headers if authorization is None else {**headers, "Authorization": authorization}


def _digest_of(body: bytes, image: ImageRef) -> str:
    if len(body) > MAX_BODY:
        raise RegistryError(f"{image}: its manifest is larger than {MAX_BODY} bytes")
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _unexpected(answer: Answer, place: _Place) -> RegistryError:
    wait = retry_after(answer, datetime.now(UTC))
    error = RegistryError(
        f"{place.host}: answered {answer.status}{_explanation(answer.body)}",
        hint=None if wait is None else f"it asks to come back in {wait:.0f} s",
    )
    error.wait = wait
    return error


def _explanation(body: bytes) -> str:
    """Return the registry's own words, from the `errors` that the specification defines."""
    try:
        first = json.loads(body)["errors"][0]
        words = f"{first['code']} {first.get('message') or ''}"
    except (ValueError, LookupError, TypeError):
        return ""
    return f": {one_line(words)[:200]}"
