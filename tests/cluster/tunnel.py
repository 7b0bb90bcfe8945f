"""Forward proxies that tunnel and do nothing else: by CONNECT, and by SOCKS 5."""

from __future__ import annotations

import ipaddress
import selectors
import socket
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Tunnel:
    """Tunnels to any address, or always to `target`. Use as a context manager.

    `asked` has the addresses it was asked for, `logins` what clients logged in with.
    """

    scheme = "http"

    def __init__(self, target: int | None = None) -> None:
        self.asked: list[str] = []
        self.logins: list[str] = []
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{self.scheme}://{self.address}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:  # an end that goes away ends it
            host, port = self.greet(client)
            self.asked.append(f"{host}:{port}")
            address = (host, port) if self._target is None else ("127.0.0.1", self._target)
            with socket.create_connection(address) as server:
                client.sendall(self.granted)
                _pump(client, server)

    granted = b"HTTP/1.1 200 Connection established\r\n\r\n"

    def greet(self, client: socket.socket) -> tuple[str, int]:
        """Return the host and port that the client asks for."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        lines = head.decode().split("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() == "proxy-authorization":
                self.logins.append(value.strip())
        host, _, port = lines[0].split()[1].rpartition(":")
        return host, int(port)


class SocksTunnel(Tunnel):
    """The same by SOCKS 5; wants no login, and takes one that is offered."""

    scheme = "socks5"
    granted = b"\x05\0\0\x01\0\0\0\0\0\0"

    def greet(self, client: socket.socket) -> tuple[str, int]:
        with client.makefile("rb") as sent:
            _, count = sent.read(2)
            by_password = 2 in sent.read(count)
            client.sendall(b"\x05\x02" if by_password else b"\x05\0")
            if by_password:
                user = sent.read(sent.read(2)[1])
                password = sent.read(sent.read(1)[0])
                self.logins.append(f"{user.decode()}:{password.decode()}")
                client.sendall(b"\x01\0")
            *_, kind = sent.read(4)
            if kind == 3:
                host = sent.read(sent.read(1)[0]).decode()
            else:
                host = str(ipaddress.ip_address(sent.read(4 if kind == 1 else 16)))
            return host, int.from_bytes(sent.read(2), "big")


def _pump(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                while isinstance(key.fileobj, ssl.SSLSocket) and key.fileobj.pending():
                    data += key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
