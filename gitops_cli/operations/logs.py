"""The logs of several containers at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from queue import Empty, Queue
from threading import Thread

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.operations.ports import Log

MOST = 20  # logs that are followed at once: each is a connection
_WAITING = 256  # lines that are kept for who reads slowly
_ENDING = 1.0  # seconds that threads have for noticing that their connection is closed

Piece = tuple[str, bytes | GitOpsError]


def one_after_the_other(logs: Mapping[str, Log]) -> Iterator[Piece]:
    """Yield the lines of each log with its name; what cannot be read does not hide the others."""
    for name, log in logs.items():
        try:
            for line in log.lines():
                yield name, line
        except GitOpsError as error:
            yield name, error


def together(logs: Mapping[str, Log]) -> Iterator[Piece]:
    """Yield the lines of all logs as they come, until all have ended."""
    waiting: Queue[tuple[str, bytes | BaseException | None]] = Queue(_WAITING)
    threads = [
        Thread(target=_read, args=(name, log, waiting), daemon=True) for name, log in logs.items()
    ]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            name, came = waiting.get()
            match came:
                case None:
                    left -= 1
                case bytes() | GitOpsError():
                    yield name, came
                case _:
                    raise came
    finally:
        for log in logs.values():
            log.close()
        _drain(waiting, threads)


def _read(name: str, log: Log, waiting: Queue[tuple[str, bytes | BaseException | None]]) -> None:
    try:
        for line in log.lines():
            waiting.put((name, line))
    except BaseException as error:  # noqa: BLE001 - raised where the lines are read
        waiting.put((name, error))
    waiting.put((name, None))


def _drain(waiting: Queue[tuple[str, bytes | BaseException | None]], threads: list[Thread]) -> None:
    """Let threads end that wait for room: in the middle of OpenSSL they crash the interpreter."""
    until = time.monotonic() + _ENDING
    while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
        try:
            waiting.get(timeout=0.02)
        except Empty:
            continue
