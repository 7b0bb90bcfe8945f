"""A TCP proxy that delays, cuts, hangs and refuses. What passes is not looked at."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from tests.testbed.patience import PATIENCE
from tests.testbed.ports import free_port

_Line = asyncio.Queue[tuple[float, bytes]]
"""What is on its way: when it arrives, and the bytes, none for the end."""
_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TcpProxy:
    """Stands before a server on 127.0.0.1. Every attribute may be set while it runs.

    Use as a context manager.
    """

    def __init__(self, target: int, *, rtt: float = 0.0) -> None:
        self.rtt = rtt
        """Seconds of a round trip, the connection's own included."""
        self.hang = False
        """Accept, but pass nothing on from now on."""
        self.cut_down: int | None = None
        """Close a connection when the client has been sent so many bytes."""
        self.cut_up: int | None = None
        """Close a connection when the server has been sent so many bytes."""
        self.connections = 0
        self.bytes_down = 0
        self.bytes_up = 0
        self.turns = 0
        """How often the direction changed: with the third a TLS handshake is done for a client."""
        self._up = False
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: socket.socket | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._accepted: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self) -> None:
        """Accept connections, after `refuse` on the same port as before."""
        self._call(self._listen())

    def refuse(self) -> None:
        """End all connections and refuse new ones, until `listen`."""
        self._call(self._refuse())

    def cut(self) -> None:
        """End the connections that are open; new ones are accepted."""
        self._call(self._cut())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        # A listening socket of our own, and not asyncio's server: that one, closed while it takes
        # a connection, leaves this one open.
        self._listener = socket.create_server(("127.0.0.1", self.port or free_port()), backlog=100)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _refuse(self) -> None:
        if self._listener:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._cut()

    async def _cut(self) -> None:
        await asyncio.sleep(0)  # a task that is cancelled before it has begun closes nothing
        if running := list(self._accepted):
            for task in running:
                task.cancel()
            await asyncio.wait(running)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next round

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the client has gone again
        self.connections += 1
        self._accepted.add(task := self._loop.create_task(self._connected(client)))
        task.add_done_callback(self._accepted.discard)

    async def _connected(self, client: socket.socket) -> None:
        # The kernel has answered the client's SYN at once, so its first bytes come a round trip
        # too early.
        established = asyncio.get_running_loop().time() + self.rtt
        to_client = await self._opened(sock=client)
        try:
            to_server = await self._opened(host="127.0.0.1", port=self._target)
            try:
                await self._relay(to_client, to_server, established)
            finally:
                to_server[1].close()
        except OSError:
            pass  # the server is away: the client's connection just ends
        finally:
            to_client[1].close()

    async def _opened(self, **where: Any) -> _End:
        reader, writer = await asyncio.open_connection(**where)
        # For good: one that is closed with something left to send stays open until that is read.
        self._writers.add(writer)
        return reader, writer

    async def _relay(self, client: _End, server: _End, established: float) -> None:
        """Pass both directions on until one has ended or is cut."""
        up, down = _Line(), _Line()
        sending = [
            asyncio.create_task(self._send(up, server[1], up=True)),
            asyncio.create_task(self._send(down, client[1], up=False)),
        ]
        receiving = [
            asyncio.create_task(self._receive(client[0], up, established)),
            asyncio.create_task(self._receive(server[0], down, established)),
        ]
        try:
            await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in sending + receiving:
                task.cancel()
            await asyncio.gather(*sending, *receiving, return_exceptions=True)

    async def _receive(self, reader: asyncio.StreamReader, line: _Line, start: float) -> None:
        clock = asyncio.get_running_loop().time
        data = b"?"
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            line.put_nowait((max(start, clock()) + self.rtt / 2, data))

    async def _send(self, line: _Line, writer: asyncio.StreamWriter, *, up: bool) -> None:
        """Send what is due, half a round trip after it came; return with the end or the cut."""
        writer.transport.set_write_buffer_limits(high=0)  # so that drain waits until all is sent
        sent = 0
        while True:
            due, data = await line.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            while self.hang:
                await asyncio.sleep(0.01)
            limit = self.cut_up if up else self.cut_down
            rest = data if limit is None else data[: max(0, limit - sent)]
            writer.write(rest)
            await writer.drain()
            sent += len(rest)
            self.turns += bool(rest) and self._up != up
            self._up = up if rest else self._up
            if up:
                self.bytes_up += len(rest)
            else:
                self.bytes_down += len(rest)
            if not data or len(rest) < len(data):
                return
