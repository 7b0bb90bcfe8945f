"""Shows the delivery page to the browsers of this machine, and to no others."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gitops_cli.domain.errors import GitOpsError, UsageError

ADDRESS = "127.0.0.1"
REFRESH = 60  # seconds after which a page asks again
_KEPT = 10.0  # seconds in which a page is not made anew
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",  # the page's head has the rest
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Pages:
    """The page as it is now; however many ask at once, one makes it."""

    def __init__(self, make: Callable[[], str], *, kept: float = _KEPT) -> None:
        self._make = make
        self._kept = kept
        self._lock = threading.Lock()
        self._made = 0.0
        self._page = ""

    def now(self) -> str:
        """Return the page; raises what making it raises."""
        with self._lock:
            if not self._page or time.monotonic() - self._made > self._kept:
                self._page = self._make()
                self._made = time.monotonic()
            return self._page


class PageServer(ThreadingHTTPServer):
    """A server on this machine's own address."""

    daemon_threads = True

    def __init__(self, port: int, make: Callable[[], str]) -> None:
        """Listen; port 0 takes one that is free. Raises UsageError for one that is taken."""
        self.pages = Pages(make)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise UsageError(
                f"port {port} of {ADDRESS}: {error.strerror}", hint="--port 0 takes a free one"
            ) from error

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def is_ours(self, host: str | None) -> bool:
        """Tell whether a request was meant for us.

        A page of somebody's whose name was made to point here (DNS rebinding) says that name.
        """
        return host in {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}


class _Handler(BaseHTTPRequestHandler):
    """Answers one browser."""

    server: PageServer
    server_version = "gitops"
    sys_version = ""
    timeout = 10.0

    def do_GET(self) -> None:
        """Answer with the page."""
        code, text = self._answer()
        data = text.encode()
        is_page = code is HTTPStatus.OK
        self.send_response(code)
        self.send_header("Content-Type", f"text/{'html' if is_page else 'plain'}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_GET

    def _answer(self) -> tuple[HTTPStatus, str]:
        if not self.server.is_ours(self.headers.get("Host")):
            return HTTPStatus.MISDIRECTED_REQUEST, f"This is {self.server.url} only.\n"
        if self.path.partition("?")[0] != "/":
            return HTTPStatus.NOT_FOUND, "There is one page: /\n"
        try:
            return HTTPStatus.OK, self.server.pages.now()
        except GitOpsError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what a browser asks for is no news."""
