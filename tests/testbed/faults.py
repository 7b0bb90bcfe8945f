"""A proxy before the API server that understands HTTP and answers wrongly when told to.

It ends TLS with a certificate of its own CA and passes the client's Authorization header on, so
only kubeconfigs with a token work through it. For delays and cuts below HTTP: tests/testbed/tcp.py.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kubeconfig import write_kubeconfig


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer instead of the API server, which does not see the request (unless `forward`)."""

    code: int
    retry_after: int | None = None
    body: Mapping[str, Any] | str | None = None
    """Default: a Status object, as the API server sends it."""
    forward: bool = False
    """Let the API server do it first: it is done, but the client is told otherwise."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection after so many bytes of the body; -1: before the answer's first byte."""

    after: int = -1
    forward: bool = True
    """Whether the API server sees the request at all."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Do not answer for so many seconds, then pass it on."""

    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Later:
    """Pass it on, and say in the answer that the server's clock is so many seconds ahead."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Trickle:
    """Send the body byte by byte, so many seconds apart."""

    seconds: float


@dataclass(frozen=True, slots=True)
class EndWatch:
    """End a watch properly after so many events, with one more of the proxy's own if given."""

    events: int = 0
    last: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Call this before the request is passed on: what somebody else does at that very moment."""

    call: Callable[[], object]


Fault = Answer | Cut | Hang | Later | Trickle | EndWatch | Meanwhile

GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410}
    | {"reason": "Expired", "message": "too old resource version"},
}
"""What a watch sends when its resourceVersion is no longer known."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(slots=True)
class _Rule:
    fault: Fault
    method: str
    target: str
    skip: int
    times: int

    def takes(self, request: Request) -> bool:
        """Tell whether this request is one that fails, counting it."""
        if not re.fullmatch(self.method, request.method) or not re.search(
            self.target, request.target
        ):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class ApiProxy:
    """The proxy. `kubeconfig` leads through it. Use as a context manager."""

    plane: ControlPlane
    directory: Path
    token: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _rules: list[_Rule] = field(default_factory=list)

    def __enter__(self) -> ApiProxy:
        certificates = controlplane.make_certificates(self.directory / "proxy-certificates")
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._upstream = ssl.create_default_context(cafile=str(self.plane.ca_file))
        self._server = _Server(self)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self._server.socket = tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self.ca_file = certificates / "ca.crt"
        self.kubeconfig = self.write_kubeconfig("proxy.kubeconfig", self.token)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()  # waits for the threads of the requests

    def write_kubeconfig(self, name: str, token: str) -> Path:
        """Write one that leads through the proxy with another token."""
        return write_kubeconfig(
            self.directory / name, url=self.url, ca_file=self.ca_file, token=token
        )

    def on(
        self, fault: Fault, method: str = ".*", target: str = "", *, skip: int = 0, times: int = 1
    ) -> None:
        """Let requests fail: those whose method matches and whose path and query contain `target`
        (regular expressions), after `skip` of them, so many `times`. If several rules take a
        request, the first decides.
        """
        with self._lock:
            self._rules.append(_Rule(fault, method, target, skip, times))

    def seen(self, method: str = ".*", target: str = "") -> list[Request]:
        """Return the requests that came, as `on` selects them."""
        with self._lock:
            return [
                request
                for request in self.requests
                if re.fullmatch(method, request.method) and re.search(target, request.target)
            ]

    def note(self, request: Request) -> Fault | None:
        """Record a request; return what shall happen to it."""
        with self._lock:
            self.requests.append(request)
            takers = [rule for rule in self._rules if rule.takes(request)]
            return takers[0].fault if takers else None

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the proxy runs."""
        self._stopped.wait(seconds)

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection of its own to the API server."""
        host = urlsplit(self.plane.url)
        return http.client.HTTPSConnection(host.hostname or "", host.port, context=self._upstream)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, proxy: ApiProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        self.upstreams: set[http.client.HTTPSConnection] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.proxy.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; whatever else breaks, the client sees it."""

    def end_connections(self) -> None:
        """End both sides: a watch without news hears of it from the API server alone."""
        behind = [upstream.sock for upstream in list(self.upstreams)]
        for connection in [*list(self._open), *behind]:
            try:
                if connection is not None:
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended by itself


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    upstream: http.client.HTTPSConnection

    def setup(self) -> None:
        super().setup()
        self.upstream = self.server.proxy.connect()
        self.server.upstreams.add(self.upstream)

    def finish(self) -> None:
        self.server.upstreams.discard(self.upstream)
        self.upstream.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: stderr belongs to the tests."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # every method is treated alike
            return self.treat
        raise AttributeError(name)

    def treat(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        fault = self.server.proxy.note(request)
        match fault:
            case Hang():
                self.server.proxy.wait(fault.seconds)
            case Meanwhile():
                fault.call()
            case Answer(forward=False):
                return self.answer(fault)
            case Cut(forward=False):
                self.close_connection = True
                return None
        self.upstream.request(
            request.method,
            request.target,
            body or None,
            {k: v for k, v in request.headers.items() if k.lower() not in ("host", "connection")},
        )
        with self.upstream.getresponse() as response:
            if isinstance(fault, Answer):
                response.read()
                return self.answer(fault)
            return self.relay(response, fault)

    def answer(self, fault: Answer) -> None:
        body = fault.body
        if body is None:
            reason = http.client.responses[fault.code]
            body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.code}
            body |= {"reason": reason.replace(" ", ""), "message": f"{reason} (injected)"}
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(fault.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if fault.retry_after is not None:
            self.send_header("Retry-After", str(fault.retry_after))
        self.end_headers()
        self.wfile.write(content)

    def relay(self, response: http.client.HTTPResponse, fault: Fault | None) -> None:
        """Send the API server's answer on, as it comes, so far as the fault lets it."""
        cut = fault.after if isinstance(fault, Cut) else None
        if cut is not None and cut < 0:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        chunked = response.getheader("Transfer-Encoding") == "chunked"
        for name, value in response.getheaders():
            if name == "Date" and isinstance(fault, Later):
                when = parsedate_to_datetime(value).timestamp() + fault.seconds
                self.send_header(name, formatdate(when, usegmt=True))
                continue
            self.send_header(name, value)
        self.end_headers()
        for piece in _limited(response, fault):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if isinstance(fault, Trickle):
                self.server.proxy.wait(fault.seconds)
        if cut is not None:
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")


def _limited(response: http.client.HTTPResponse, fault: Fault | None) -> Any:
    """Yield the body in pieces, as much of it as the fault lets pass."""
    if isinstance(fault, EndWatch):
        for _ in range(fault.events):
            yield response.readline()
        if fault.last:
            yield json.dumps(fault.last).encode() + b"\n"
        return
    left = fault.after if isinstance(fault, Cut) else None
    most = 1 if isinstance(fault, Trickle) else 65536
    while piece := response.read1(most if left is None else min(left, most)):
        yield piece
        if left is not None:
            left -= len(piece)
