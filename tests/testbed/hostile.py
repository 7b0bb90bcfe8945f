"""A server on 127.0.0.1 that answers in bytes of the test's own choice, and never minds HTTP.

It stands for what no real API server or registry does: trickling, never ending, paging for ever.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(slots=True)
class Hostile:
    """A running server: `requests` has the first line of each request."""

    address: str
    requests: list[str] = field(default_factory=list)

    def kubeconfig(self, file: Path) -> Path:
        """Write a kubeconfig that takes it for an API server."""
        cluster = {"name": "c", "cluster": {"server": f"http://{self.address}"}}
        context = {"name": "hostile", "context": {"cluster": "c", "user": "u"}}
        content = {"clusters": [cluster], "contexts": [context], "current-context": "hostile"}
        file.write_text(yaml.safe_dump(content | {"users": [{"name": "u", "user": {}}]}))
        return file


_TLS = b"\x16\x03"
"""How a handshake begins: who tries that is told by the end that there is no TLS."""

Answers = Callable[[str], Iterable[bytes]]
"""Returns for a request's first line the pieces of the answer; then the connection is kept."""


@contextmanager
def hostile(answers: Answers) -> Iterator[Hostile]:
    """Answer every request on every connection until the client goes."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    server = Hostile(f"127.0.0.1:{listener.getsockname()[1]}")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as lines:
            while (first := lines.readline()) and not first.startswith(_TLS):
                length = 0
                while (line := lines.readline()).strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                lines.read(length)
                request = first.decode().strip()
                server.requests.append(request)
                for piece in answers(request):
                    connection.sendall(piece)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def trickled(content: bytes, seconds: float = 1.0) -> Iterator[bytes]:
    """Yield byte by byte, so many seconds apart, again and again."""
    while True:
        for byte in content:
            yield bytes([byte])
            time.sleep(seconds)


def silence() -> Iterator[bytes]:
    """Yield nothing for longer than anybody waits."""
    time.sleep(20)
    yield b""


def without_end(head: bytes, piece: bytes) -> Iterator[bytes]:
    """Yield a head, and then the same piece for ever."""
    yield head
    while True:
        yield piece
