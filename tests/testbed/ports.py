"""Ports of 127.0.0.1 for servers that must be told one, or for nobody at all."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST, _LAST = 12_000, 32_000
_chance = random.SystemRandom()


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody gets without asking for it.

    The kernel gives one to each connection, and to each server that asks for any: what was free a
    moment ago would be another test's by the time that it is used.
    """
    given = int(_GIVEN.read_text().split()[0]) if _GIVEN.exists() else _LAST
    last = min(_LAST, given) if given > 2 * _FIRST else _LAST
    while not _is_free(port := _chance.randrange(_FIRST, last)):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
