"""Ask registries for manifests (OCI distribution specification, and Docker's that it grew from).

Thread-safe: several images may be asked for at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from gitops_cli.domain.errors import Denied, RegistryError
from gitops_cli.domain.image import ImageRef, split_repository
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.registry.challenge import Challenge, parse_challenges
from gitops_cli.registry.connection import RegistryAnswer, RegistryConnection
from gitops_cli.registry.credentials import Credentials, find_credentials
from gitops_cli.registry.document import (
    MANIFESTS,
    computed_digest,
    explanation,
    token_of,
    told_digest,
)
from gitops_cli.web.address import Address, parse_address
from gitops_cli.web.patience import retry_after

# Without all of them, registries convert the manifest, and so its digest is another.
ACCEPT = ", ".join(MANIFESTS)
QUESTION_SECONDS = 30.0
MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
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
        timeout: float = QUESTION_SECONDS,
        deadline: float | None = None,
    ) -> None:
        """`timeout` is for one question, in seconds, with all its retries.

        `deadline`, a time.monotonic(), is for all questions that have none of their own.
        """
        self._rules = rules
        self._environ = environ
        self._timeout = timeout
        self._deadline = deadline
        self._guard = threading.Lock()
        self._connections: dict[str, RegistryConnection] = {}
        self._authorizations: dict[_Place, str] = {}

    def digest(self, image: ImageRef, *, deadline: float | None = None) -> str | None:
        """Return the digest of an image's manifest or index, or None if there is no such image.

        `deadline` is a time.monotonic(). Raises RegistryError, Denied or ConfigurationError.
        """
        place = _Place(*split_repository(image.repository))
        path = f"/v2/{place.path}/manifests/{image.digest or image.tag or 'latest'}"
        limits = (time.monotonic() + self._timeout, deadline or self._deadline)
        end = min(limit for limit in limits if limit is not None)
        answer = self._ask(place, "HEAD", path, end)
        if answer.status == 200 and (digest := told_digest(answer, image)) is not None:
            return digest
        if answer.status in (200, 405):  # the header is optional, and so is HEAD for some proxies
            answer = self._ask(place, "GET", path, end)
            if answer.status == 200:
                return computed_digest(answer, image)
        if answer.status == 404:
            return None
        raise _unexpected(answer, place)

    def read(self, repository: str, what: str, *, accept: str = ACCEPT) -> bytes | None:
        """Return `manifests/…`, `blobs/…` or `referrers/…` of a repository; None: there is none.

        Raises as `digest` does.
        """
        place = _Place(*split_repository(repository))
        limits = (time.monotonic() + self._timeout, self._deadline)
        end = min(limit for limit in limits if limit is not None)
        answer = self._ask(place, "GET", f"/v2/{place.path}/{what}", end, accept)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unexpected(answer, place)
        return answer.body

    def is_plain(self, host: str) -> bool:
        """Tell whether `host` is spoken to without TLS, as the user's config or a question said."""
        place = _Place(host, "")
        return self._connection(place.api).is_plain

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _ask(
        self, place: _Place, method: str, path: str, end: float, accept: str = ACCEPT
    ) -> RegistryAnswer:
        """Return the answer, wherever redirects lead; each host is told only its own secrets."""
        here = place
        connection = self._connection(place.api)
        address = _address(f"{connection.scheme}://{place.api}{path}", place)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._authorized(here, method, address, end, accept)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            address = _address(location, place, str(answer.address))
            if answer.address.scheme == "https" and address.scheme != "https":
                raise RegistryError(f"{place.host}: redirects from HTTPS to plain HTTP")
            if address.netloc != here.api:
                here = _Place(address.netloc, place.path)
        raise RegistryError(f"{place.host}: redirects without end")

    def _authorized(
        self, place: _Place, method: str, address: Address, end: float, accept: str
    ) -> RegistryAnswer:
        """Ask `place`, whose host is that of `address`; its challenge is answered once."""
        connection = self._connection(place.api)
        known = self._authorizations.get(place)
        answer = connection.request(method, address, end, accept=accept, authorization=known)
        if answer.status == 401:
            granted = self._authorize(place, connection, answer, end)
            self._authorizations[place] = granted
            answer = connection.request(
                method, answer.address, end, accept=accept, authorization=granted
            )
        if answer.status in (401, 403):
            raise self._denied(place, answer)
        return answer

    def _connection(self, host: str) -> RegistryConnection:
        with self._guard:
            if host not in self._connections:
                rules = self._rules.get(host) or RegistryRules(host)
                self._connections[host] = RegistryConnection(rules, self._environ)
            return self._connections[host]

    def _authorize(
        self, place: _Place, connection: RegistryConnection, answer: RegistryAnswer, end: float
    ) -> str:
        """Return an Authorization header that answers the registry's challenge."""
        credentials = find_credentials(place.host, place.path, self._environ)
        if credentials is not None and not answer.address.is_private:
            raise RegistryError(
                f"{place.host}: wants credentials sent over plain HTTP",
                hint="they travel over TLS only, or inside this machine",
            )
        if credentials is not None and credentials.registry_token is not None:
            return f"Bearer {credentials.registry_token}"
        challenges = {
            c.scheme: c for c in parse_challenges([answer.headers.get("www-authenticate", "")])
        }
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
        connection: RegistryConnection,
        challenge: Challenge,
        credentials: Credentials | None,
        end: float,
    ) -> str:
        base = f"{connection.scheme}://{place.api}/"
        realm = _address(challenge.parameters.get("realm", ""), place, base)
        anonymous = connection.is_plain and credentials is None
        if not anonymous and not realm.is_private:
            raise RegistryError(f"{place.host}: wants credentials sent over plain HTTP to {realm}")
        scope = challenge.parameters.get("scope") or f"repository:{place.path}:pull"
        fields = {"scope": scope}
        if service := challenge.parameters.get("service"):
            fields["service"] = service
        server = self._connection(realm.netloc)
        answer = _token_request(server, realm, fields, credentials, end)
        if answer.status in (400, 401, 403):
            raise self._denied(place, answer, credentials)
        if answer.status != 200:
            raise _unexpected(answer, place)
        token = token_of(answer.body)
        if token is None:
            raise RegistryError(f"{place.host}: its token server sent no token")
        return f"Bearer {token}"

    def _denied(
        self, place: _Place, answer: RegistryAnswer, credentials: Credentials | None = None
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
    server: RegistryConnection,
    realm: Address,
    fields: dict[str, str],
    credentials: Credentials | None,
    end: float,
) -> RegistryAnswer:
    json = "application/json"
    if credentials is not None and credentials.identity_token is not None:
        # OAuth2, as distribution/distribution's docs/spec/auth/oauth.md has it.
        form = {
            **fields,
            "grant_type": "refresh_token",
            "client_id": "gitops-cli",
            "refresh_token": credentials.identity_token,
        }
        return server.request("POST", realm, end, accept=json, form=urlencode(form).encode())
    basic = None if credentials is None else credentials.basic
    separator = "&" if "?" in realm.path else "?"
    address = realm._replace(path=f"{realm.path or '/'}{separator}{urlencode(fields)}")
    return server.request("GET", address, end, accept=json, authorization=basic)


def _address(url: str, place: _Place, base: str = "") -> Address:
    """Return where a registry is or sends us; raises RegistryError."""
    try:
        return parse_address(url, base)
    except ValueError as error:
        shown = one_line(redacted(url))[:100]
        raise RegistryError(f"{place.host}: sends us to {shown}: {error}") from None


def _unexpected(answer: RegistryAnswer, place: _Place) -> RegistryError:
    wait = retry_after(answer.headers.get("retry-after", ""))
    error = RegistryError(
        f"{place.host}: answered {answer.status}{explanation(answer.body)}",
        hint=None if wait is None else f"it asks to come back in {wait:.0f} s",
    )
    error.wait = wait
    return error
