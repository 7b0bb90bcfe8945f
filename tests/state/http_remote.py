"""git over HTTP(S) on 127.0.0.1, through git's own http-backend; can refuse and break off."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from tests.testbed.git import environment


@dataclass
class HttpRemote:
    """Serves the repositories of a directory. Use as a context manager."""

    root: Path
    certificates: Path | None = None
    """Speaks TLS with what `controlplane.make_certificates` wrote there, when set."""
    password: str | None = None
    """Asked for (user `ci`) when set."""
    status: int | None = None
    """Answered to every request when set, instead of the real answer."""
    break_pushes: int = 0
    """So many pushes are carried out and then not answered."""
    refuse_pushes: int = 0
    """So many pushes are cut off before they are carried out."""
    requests: list[str] = field(default_factory=list)
    traffic: int = 0
    """Bytes that git sent and was sent, without HTTP's own headers."""
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> HttpRemote:
        remote = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                remote._serve(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.certificates is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.certificates / "server.crt", self.certificates / "server.key")
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str, credentials: str = "") -> str:
        """Return a repository's URL; `credentials` is `user:password@`."""
        scheme = "https" if self.certificates is not None else "http"
        return f"{scheme}://{credentials}127.0.0.1:{self._server.server_port}/{name}"

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append(f"{handler.command} {handler.path}")
        body = self._body(handler)
        if self.status is not None:
            _answer(handler, self.status, [], b"")
            return
        if self.password is not None and not self._is_authorized(handler):
            _answer(handler, 401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        is_push = handler.path.endswith("/git-receive-pack") and handler.command == "POST"
        # git probes with an empty body first when the pack is large; ours are not.
        if is_push and self.refuse_pushes > 0:
            self.refuse_pushes -= 1
            _hang_up(handler)
            return
        out = self._backend(handler, body)
        self.traffic += len(body) + len(out.partition(b"\r\n\r\n")[2])
        if is_push and self.break_pushes > 0:
            self.break_pushes -= 1
            _hang_up(handler)
            return
        head, _, content = out.partition(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode().split("\r\n")]
        status = next((int(v.split()[0]) for k, _, v in fields if k == "Status"), 200)
        _answer(handler, status, [(k, v) for k, _, v in fields if k != "Status"], content)

    def _is_authorized(self, handler: BaseHTTPRequestHandler) -> bool:
        expected = base64.b64encode(f"ci:{self.password}".encode()).decode()
        return handler.headers.get("Authorization") == f"Basic {expected}"

    def _body(self, handler: BaseHTTPRequestHandler) -> bytes:
        if handler.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(handler.rfile.readline(), 16):
                body += handler.rfile.read(size)
                handler.rfile.readline()
            handler.rfile.readline()
            return body
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))

    def _backend(self, handler: BaseHTTPRequestHandler, body: bytes) -> bytes:
        url = urlsplit(handler.path)
        variables = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "ci",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": handler.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=environment() | variables,
            capture_output=True,
            check=True,
        )
        return done.stdout


def _answer(
    handler: BaseHTTPRequestHandler, status: int, fields: list[tuple[str, str]], body: bytes
) -> None:
    handler.send_response(status)
    for name, value in fields:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
