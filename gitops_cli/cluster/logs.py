"""A container's log: its lines as they come, however long that takes and however long they are.

A connection that breaks is made anew and goes on behind the last line, by the times that the node
puts in front of each. Where the server ends the answer, so has the log: the container ended, or
that was all.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC

from gitops_cli.cluster.api import PODS, REQUEST_SECONDS, Api, Doing, Refused, Resource
from gitops_cli.cluster.explaining import NOT_NOW
from gitops_cli.domain.cluster.inside import LogPart, Spot
from gitops_cli.domain.errors import ClusterUnreachable
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import one_line
from gitops_cli.web.exchange import Broken, LineStream

LOGS = Resource("/api/v1", "pods/log")  # what a Role must grant
SILENCE_SECONDS = 60.0  # of a log that is followed; then the connection is made anew
PATIENCE_SECONDS = 60.0  # for a server that no longer answers
LINE_MOST = 1 << 16  # bytes of a line that are kept together; a longer one comes in pieces
_LONGEST_PAUSE = 5.0
_NEXT_PAUSE = 0.5
NEXT_SECONDS = 10.0  # for the next container's log
# RFC 3339, with as many digits of a second as the node likes.
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) ")


class _NotNow(Exception):
    """The node has no log of the container just now; `line` is what it says instead."""

    def __init__(self, line: bytes) -> None:
        super().__init__()
        self.line = line


class Log:
    """One container's log; `close` ends it from any thread.

    `tell` hears of it where the log goes on over another connection, or is not the one asked for.
    """

    def __init__(
        self,
        api: Api,
        namespace: EnvironmentName,
        spot: Spot,
        part: LogPart,
        tell: Callable[[str], None],
    ) -> None:
        self._api = api
        self._pod = Doing("get", PODS, namespace, spot.pod)
        self._doing = self._pod._replace(resource=LOGS)
        self._container = spot.container
        self._previous = spot.previous
        self._part = part
        self._tell = tell
        self._stream: LineStream | None = None
        self._closed = threading.Event()
        self._in_vain = 0  # connections without a new line
        self._last: bytes | None = None  # the time of the last line
        self._same = 0  # how many lines there were of that time

    def lines(self) -> Iterator[bytes]:
        """Yield the lines with their line feeds. Raises Denied, Refused, ClusterUnreachable."""
        stream: LineStream | None = self._open()
        until: float | None = None  # for the next container's log
        while stream is not None:
            try:
                for line in self._unseen(stream):
                    self._in_vain, until = 0, None
                    yield line
                return
            except _NotNow as answer:
                stream.close()
                until = until or time.monotonic() + NEXT_SECONDS
                if time.monotonic() > until or self._closed.wait(_NEXT_PAUSE):
                    yield answer.line
                    return
                stream = self._open()
            except Broken as broken:
                if self._closed.is_set():
                    return
                if self._same and self._last is None:  # a node without times: all would come again
                    raise self._api.unreachable(self._doing, broken) from broken
                stream = self._open_again(broken)

    def close(self) -> None:
        self._closed.set()
        if self._stream is not None:
            self._stream.close()

    def _open(self) -> LineStream:
        try:
            stream = self._ask()
        except Refused as refused:
            if not self._previous or refused.status not in (400, 404):
                raise
            self._tell(f"{self._pod.name}: nothing is kept of the run before; this is the last one")
            self._previous = False
            stream = self._ask()
        self._stream = stream
        if self._closed.is_set():  # too late for `close`
            stream.close()
        return stream

    def _ask(self) -> LineStream:
        """Ask for what has not been seen yet."""
        part = self._part
        query: dict[str, str | int] = {"container": self._container, "timestamps": "true"}
        if self._previous:
            query["previous"] = "true"
        if part.follow:
            query["follow"] = "true"
        if self._last is not None:
            query["sinceTime"] = re.sub(r"\.\d+", "", self._last.decode())
        else:
            if part.tail is not None:
                query["tailLines"] = part.tail
            if part.since is not None:
                query["sinceTime"] = part.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        seconds = SILENCE_SECONDS if part.follow else REQUEST_SECONDS
        return self._api.stream(self._doing, self._pod.path("log", **query), timeout=seconds)

    def _open_again(self, broken: Broken) -> LineStream | None:
        """Connect anew; raises ClusterUnreachable if that does not work for long."""
        if self._in_vain == 0 and not broken.late:
            self._tell(f"{self._pod.name}: {one_line(str(broken))}; connecting anew")
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._closed.is_set():
            self._closed.wait(min(0.1 * 2.0**self._in_vain, _LONGEST_PAUSE))
            self._in_vain += 1
            try:
                return self._open()
            except ClusterUnreachable:
                if time.monotonic() > until:
                    raise
        return None

    def _unseen(self, stream: LineStream) -> Iterator[bytes]:
        """Yield a stream's lines but those that came before; a long one comes in pieces."""
        last, same = self._last or b"", self._same
        stamp, is_seen = b"", False
        for begins, text in _lines(stream.pieces()):
            found = _STAMP.match(text) if begins else None
            if begins:
                stamp = b"" if found is None else found[0][:-1]
                # Of one node they are of one length and one zone, so that they can be compared.
                is_seen = stamp < last or (stamp == last and same > 0)
                same -= stamp == last
            if (
                begins and found is None and text.startswith(NOT_NOW)
            ):  # a program's lines have times
                raise _NotNow(text)
            if is_seen:
                continue
            yield text if found is None or self._part.timestamps else text[found.end() :]
            if text.endswith(b"\n"):  # else it comes once more where the connection breaks
                self._note(stamp)

    def _note(self, stamp: bytes) -> None:
        self._same = self._same + 1 if stamp == self._last else 1
        self._last = stamp or None


def _lines(pieces: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Yield lines, and whether each begins one: of what is longer than LINE_MOST more follows."""
    rest, begins = b"", True
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield begins, line + b"\n"
            begins = True
        if len(rest) > LINE_MOST:
            yield begins, rest
            rest, begins = b"", False
    if rest:
        yield begins, rest
