"""The long connection, begun by the first request: a login may take as long as a person does.

A kubeconfig's exec plugin or auth provider runs only for a context that is used, and holds nobody
up without limit.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from gitops_cli.cluster.kubeconfig import Access
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.web.deadline import bounded
from gitops_cli.web.exchange import Broken, Request, Response, Stream

if TYPE_CHECKING:
    from gitops_cli.cluster.packaged import PackagedTransport

LOGIN_SECONDS = 300.0  # for a person who is asked by a browser, where no deadline says otherwise


class LateTransport:
    """Logs in when the first request is sent, before `deadline` (of time.monotonic) if given."""

    def __init__(self, access: Access, deadline: float | None) -> None:
        self._access = access
        self._deadline = deadline
        self._lock = threading.Lock()
        self._entered: PackagedTransport | GitOpsError | Broken | None = None

    def open(self) -> None:
        """Load what a login takes, half a second of imports; nobody is logged in yet."""
        import gitops_cli.cluster.packaged  # noqa: F401

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request and return the whole answer; the first one logs in before."""
        transport = self._transport()
        return transport.send(request, timeout=self._left(timeout))

    def stream(self, request: Request, *, timeout: float) -> Stream:
        """Send a request and return the answer's lines as they come."""
        transport = self._transport()
        return transport.stream(request, timeout=self._left(timeout))

    def close(self) -> None:
        """Close all connections; a login that is under way is left to itself."""
        entered = self._entered
        if entered is not None and not isinstance(entered, (GitOpsError, Broken)):
            entered.close()

    def _transport(self) -> PackagedTransport:
        with self._lock:
            if self._entered is None:
                self._entered = self._enter()
        if isinstance(self._entered, (GitOpsError, Broken)):
            raise self._entered
        return self._entered

    def _enter(self) -> PackagedTransport | GitOpsError | Broken:
        from gitops_cli.cluster.packaged import PackagedTransport

        try:
            return bounded(lambda: PackagedTransport(self._access), self._left(LOGIN_SECONDS))
        except GitOpsError as error:
            return error
        except TimeoutError:
            what = ", ".join(self._access.beyond)
            why = f"the login ({what} of the kubeconfig) did not end in time"
            return Broken(why, again=False, late=True)

    def _left(self, seconds: float) -> float:
        if self._deadline is None:
            return seconds
        left = min(seconds, self._deadline - time.monotonic())
        if left <= 0:
            raise Broken("no answer in time", late=True)
        return left
