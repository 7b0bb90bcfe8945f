"""A web server on 127.0.0.1 that answers as a test says and remembers what it was asked.

It stands for registries that docker-registry cannot show: token servers, rate limits, redirects.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """What came: `headers` have lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; `hang_up` closes the connection instead."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_up: bool = False


def image_with(digest: str) -> Reply:
    """Return how a registry says that it has an image."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    return Reply(200, {"Docker-Content-Digest": digest, "Content-Type": kind})


@dataclass(slots=True)
class Scripted:
    """A running server: `address` is host and port, `requests` all that came."""

    address: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted(
    answer: Callable[[Request], Reply], *, certificate: Path | None = None
) -> Iterator[Scripted]:
    """Serve `answer`; with TLS if `certificate` is a directory with server.crt and server.key."""
    seen: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or the other end waits 40 ms for the second

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            names = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, names, self.rfile.read(length))
            seen.append(request)
            reply = answer(request)
            if reply.hang_up:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_HEAD = do_GET = do_POST = do_PUT = do_PATCH = handle_one

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # refused handshakes are wanted
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Scripted(f"127.0.0.1:{server.server_port}", seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
