"""A TCP proxy that delays, cuts, hangs and refuses. What passes is not looked at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

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
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
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
        self._call(self._close())
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
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _close(self) -> None:
        await self._refuse()
        # asyncio's own tasks run to their end: one that is cancelled before it has begun leaves
        # the socket that was accepted open. Only then is there a task of ours to cancel.
        while running := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._accepted:
                task.cancel()
            await self._cut()
            await asyncio.wait(running)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next round

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Known as open from here on: a task that is cancelled before it began closes nothing.
        self.connections += 1
        self._open.add(writer)
        self._accepted.add(task := asyncio.create_task(self._connected(reader, writer)))
        task.add_done_callback(self._accepted.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The kernel has answered the client's SYN at once, so its first bytes come a round trip
        # too early.
        established = asyncio.get_running_loop().time() + self.rtt
        try:
            from_server, server = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(server)
            try:
                await self._relay((reader, writer), (from_server, server), established)
            finally:
                self._open.discard(server)
                server.close()
        except OSError:
            pass  # the server is away: the client's connection just ends
        finally:
            self._open.discard(writer)
            writer.close()

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
            if up:
                self.bytes_up += len(rest)
            else:
                self.bytes_down += len(rest)
            if not data or len(rest) < len(data):
                return
