"""The emulated API on a socket of 127.0.0.1: plain HTTP below a secret path.

The path is the credential because kubectl sends no bearer token over plain HTTP (client-go's
clientcmd leaves the user out unless the transport is TLS), and TLS would need certificates that
the standard library cannot make.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from gitops_cli.sandbox.emulator.api import ApiAnswer, ApiRequest, handle
from gitops_cli.sandbox.emulator.controllers import Controllers
from gitops_cli.sandbox.emulator.failures import unauthorized

Json = dict[str, Any]

SANDBOX = "gitops-sandbox"  # GET tells who this is, DELETE stops it


class EmulatedServer(NamedTuple):
    """A listening server; `about` is what it answers to a handshake."""

    controllers: Controllers
    secret: str
    about: Json
    listener: ThreadingHTTPServer

    @property
    def url(self) -> str:
        """Return where the API is, with the secret."""
        return f"http://127.0.0.1:{self.listener.server_port}/{self.secret}"

    def serve(self) -> None:
        """Answer until a client that knows the secret says stop."""
        stopping = threading.Event()
        follower = threading.Thread(target=self.controllers.run, args=(stopping,), daemon=True)
        follower.start()
        self.listener.serve_forever(poll_interval=0.25)
        stopping.set()
        self.controllers.store.wake()
        follower.join()
        self.listener.server_close()


def listen(
    controllers: Controllers,
    secret: str,
    about: Json,
    *,
    wanted: Callable[[], bool] = lambda: True,
) -> EmulatedServer:
    """Bind to a free port of 127.0.0.1; `serve` then answers, as long as it is `wanted`."""
    listener = _Listener(("127.0.0.1", 0), _Handler)
    server = EmulatedServer(controllers, secret, about, listener)
    listener.serves, listener.wanted = server, wanted
    return server


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    serves: EmulatedServer
    wanted: Callable[[], bool]

    def service_actions(self) -> None:
        """Stop when nobody wants the server any more; called many times a second."""
        if not self.wanted():
            threading.Thread(target=self.shutdown).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that goes away in the middle is everyday life."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one piece
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        serves = self.server.serves
        split = urlsplit(self.path)
        _, secret, path = [*split.path.split("/", 2), "", ""][:3]
        if not hmac.compare_digest(secret.encode(), serves.secret.encode()):
            self._send(ApiAnswer(401, unauthorized().status))
            return
        if path == SANDBOX:
            self._handshake(serves)
            return
        content_type = self.headers.get("Content-Type", "application/json")
        request = ApiRequest(
            self.command,
            path,
            dict(parse_qsl(split.query, keep_blank_values=True)),
            body,
            content_type.partition(";")[0].strip(),
            self.headers.get("Accept", ""),
        )
        answer = handle(serves.controllers.store, request)
        if isinstance(answer, ApiAnswer):
            self._send(answer)
        else:
            self._stream(answer)

    def _handshake(self, serves: EmulatedServer) -> None:
        self._send(ApiAnswer(200, serves.about))
        if self.command == "DELETE":
            self.close_connection = True
            threading.Thread(target=self.server.shutdown).start()

    def _send(self, answer: ApiAnswer) -> None:
        plain = isinstance(answer.body, str)
        content = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        data = content.encode()
        self.send_response(answer.code)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if plain else _JSON)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, events: Iterator[Json]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", _JSON)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in events:
            data = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


_JSON = "application/json"
