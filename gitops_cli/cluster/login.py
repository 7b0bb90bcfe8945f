"""The long connection: somebody logs in first, which may take as long as a person does.

A kubeconfig's exec plugin or auth provider runs only for a context that is used, once for all
that wait for it, and holds nobody up without limit.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from gitops_cli.cluster.identity import Identity, Renewing
from gitops_cli.cluster.kubeconfig import Access
from gitops_cli.cluster.plugins import Credential, Plugin, Run
from gitops_cli.cluster.site import site_of
from gitops_cli.web.exchange import Broken, HttpRequest, LineStream, Response, Transport
from gitops_cli.web.pool import Pool

LOGIN_SECONDS = 300.0  # for a person who is asked by a browser, where no deadline says otherwise
_FAILURE_SECONDS = 10.0  # a login that failed is not tried again before

Tell = Callable[[str], None]


class LoginTransport:
    """Logs in when the first request is sent, before `deadline` (of time.monotonic) if given.

    What the server no longer accepts is asked for once more. `tell` takes what a plugin says
    while somebody is waited for, where standard error is no terminal.
    """

    def __init__(
        self, access: Access, deadline: float | None = None, tell: Tell | None = None
    ) -> None:
        self._access = access
        self._deadline = deadline
        self._logins = Logins(_login_of(access, tell))
        self._lock = threading.Lock()
        self._carrier: Transport | None = None
        self._carried: Credential | None = None

    def open(self) -> None:
        """Load what a login takes, a moment of imports; nobody is logged in yet."""
        if self._access.provider is not None:
            import gitops_cli.cluster.providers  # noqa: F401

    def send(self, request: HttpRequest, *, timeout: float) -> Response:
        """Send a request and return the whole answer; the first one logs in before.

        `timeout` (seconds) is the server's: a person who logs in may take longer.
        """
        credential = self._entered()
        answer = self._by(credential).send(request, timeout=self._left(timeout))
        if answer.status == 401 and (other := self._instead_of(credential)):
            return self._by(other).send(request, timeout=self._left(timeout))
        return answer

    def stream(self, request: HttpRequest, *, timeout: float) -> LineStream:
        """Send a request and return the answer's lines as they come."""
        credential = self._entered()
        stream = self._by(credential).stream(request, timeout=self._left(timeout))
        if stream.status == 401 and (other := self._instead_of(credential)):
            stream.close()
            return self._by(other).stream(request, timeout=self._left(timeout))
        return stream

    def close(self) -> None:
        """Close all connections, and end a login that is under way."""
        self._logins.close()
        if self._carrier is not None:
            self._carrier.close()

    def _entered(self) -> Credential:
        try:
            return self._logins.current(self._left(LOGIN_SECONDS))
        except TimeoutError as error:
            raise self._late() from error

    def _instead_of(self, refused: Credential) -> Credential | None:
        try:
            return self._logins.instead_of(refused, self._left(LOGIN_SECONDS))
        except TimeoutError as error:
            raise self._late() from error

    def _late(self) -> Broken:
        self._logins.close()
        what = ", ".join(self._access.beyond)
        return Broken(
            f"the login ({what} of the kubeconfig) did not end in time", again=False, late=True
        )

    def _by(self, credential: Credential) -> Transport:
        """Return what carries requests with a credential; a new one takes new connections."""
        with self._lock:
            if self._carrier is None or self._carried is not credential:
                if self._carrier is not None:
                    self._carrier.close()
                access = _entered(self._access, credential)
                identity = Identity(access)
                self._carrier = Renewing(Pool(site_of(access), identity), identity)
                self._carried = credential
            return self._carrier

    def _left(self, seconds: float) -> float:
        if self._deadline is None:
            return seconds
        left = min(seconds, self._deadline - time.monotonic())
        if left <= 0:
            raise Broken("no answer in time", late=True)
        return left


def _entered(access: Access, credential: Credential) -> Access:
    """Return the access as a login has made it."""
    found = replace(access, plugin=None, provider=None)
    if credential.token is not None:
        found = replace(found, token=credential.token)
    if credential.certificate is not None:
        found = replace(found, certificate=credential.certificate, key=credential.key)
    return found


class LoginMethod(Protocol):
    """One way to log in."""

    def credential(self) -> Credential:
        """Log in; raises GitOpsError."""
        ...

    def end(self) -> None:
        """Stop it, as far as it can be stopped."""
        ...


class Logins:
    """The login of a context: asked for once, however many wait for it, and kept until it ends."""

    def __init__(self, login: Callable[[], LoginMethod]) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    def current(self, seconds: float) -> Credential:
        """Return the credential, after a login if there is none; raises its error, TimeoutError."""
        with self._lock:
            if self._asking is None or self._asking.is_over():
                self._asking = _Asking(self._login())
            asking = self._asking
        return asking.result(seconds)

    def instead_of(self, refused: Credential, seconds: float) -> Credential | None:
        """Return another credential than the refused one; None if a login gives the same."""
        with self._lock:
            if self._asking is None or self._asking.credential is refused:
                self._asking = _Asking(self._login())
            asking = self._asking
        other = asking.result(seconds)
        return None if other.token == refused.token and other.shows(refused) else other

    def close(self) -> None:
        """End a login that is under way."""
        with self._lock:
            if self._asking is not None:
                self._asking.end()


class _Asking(threading.Thread):
    """A login under way, and what came of it. It ends with the process."""

    def __init__(self, login: LoginMethod) -> None:
        super().__init__(daemon=True)
        self.credential: Credential | None = None
        self._login = login
        self._error: BaseException | None = None
        self._ended_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            self.credential = self._login.credential()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        self._ended_at = time.monotonic()

    def result(self, seconds: float) -> Credential:
        self.join(seconds)
        if self._error is not None:
            raise self._error
        if self.credential is None:
            raise TimeoutError
        return self.credential

    def is_over(self) -> bool:
        """Tell whether it has failed, not just now, or what it gave has expired."""
        if self._error is not None:
            return time.monotonic() - self._ended_at > _FAILURE_SECONDS
        until = None if self.credential is None else self.credential.until
        return until is not None and time.time() >= until

    def end(self) -> None:
        if self.is_alive():
            self._login.end()


def _login_of(access: Access, tell: Tell | None) -> Callable[[], LoginMethod]:
    if access.plugin is not None:
        plugin = access.plugin
        return lambda: Run(plugin, _told(access, plugin), tell)
    assert access.provider is not None, "an access with nothing to log in by needs no login"
    from gitops_cli.cluster.providers import ProviderLogin

    provider = access.provider
    return lambda: ProviderLogin(access, provider)


def _told(access: Access, plugin: Plugin) -> dict[str, Any] | None:
    """Return what a plugin is told of the cluster."""
    if not plugin.wants_cluster:
        return None
    authority = access.ca.read() if access.ca else b""
    said = {
        "server": access.server,
        "tls-server-name": access.server_name,
        "insecure-skip-tls-verify": not access.verify,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "proxy-url": access.proxy.url if access.proxy else None,
    }
    return {key: value for key, value in said.items() if value} | {"config": plugin.settings}
