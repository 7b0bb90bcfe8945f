"""A server that answers like an empty cluster and records who asked, how, and by which host.

The real API server tells whether a client gets in; this one tells what the client sent for it.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.testbed.registry import make_certificate


class Asked(NamedTuple):
    """One request: headers with names in lower case, and the client certificate's common name."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    certificate: str | None = None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def login(self) -> str | None:
        return next(iter(self.all("authorization")), None)


class Recorder:
    """A server on 127.0.0.1, with TLS if `directory` is given. Use as a context manager.

    `status` tells what a request is answered with.
    """

    def __init__(
        self, directory: Path | None = None, status: Callable[[Asked], int] = lambda _: 200
    ) -> None:
        self.asked: list[Asked] = []
        self.status = status
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if directory is not None:
            self.url = f"https://127.0.0.1:{self.port}"
            self.ca_file = make_certificate(directory)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(directory / "server.crt", directory / "server.key")
            tls.load_verify_locations(self.ca_file)
            tls.verify_mode = ssl.CERT_OPTIONAL
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    def __enter__(self) -> Recorder:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(recorder) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = tuple((k.lower(), v) for k, v in self.headers.items())
                request = Asked(self.command, self.path, headers, _common_name(self.connection))
                recorder.asked.append(request)
                status = recorder.status(request)
                body = json.dumps(_list() if status == 200 else _failure(status)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: stderr belongs to the tests."""

        return Handler


def _common_name(connection: object) -> str | None:
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    subject = certificate.get("subject", ()) if certificate else ()
    names = [value for part in subject for key, value in part if key == "commonName"]
    return str(names[0]) if names else None


def _list() -> dict[str, object]:
    return {"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {}, "items": []}


def _failure(code: int) -> dict[str, object]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}


def make_client_certificate(authority: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate and its key, by the authority of a Recorder's directory; return both."""
    key, request, certificate = (authority / f"{name}.{end}" for end in ("key", "csr", "crt"))

    def openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *words], cwd=authority, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial")
    openssl("x509", "-req", "-in", request, "-out", certificate, *signing)
    return certificate, key
