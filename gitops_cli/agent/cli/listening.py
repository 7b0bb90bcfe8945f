"""Where a server of ours listens, as people type it."""

from __future__ import annotations

from typing import NamedTuple

import typer

_HOST = "127.0.0.1"


class Listening(NamedTuple):
    """An address and a port of this machine."""

    host: str
    port: int


def listening(text: str) -> Listening:
    """Return what is meant by `[HOST:]PORT`; without a host this machine's own only."""
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else -1
    if not 0 <= number <= 65535:
        raise typer.BadParameter(f"`{text}` is not [HOST:]PORT, such as 9464 or 0.0.0.0:9464")
    return Listening(host.removeprefix("[").removesuffix("]") or _HOST, number)
