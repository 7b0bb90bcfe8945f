"""A place in memory for what tests write: on a disk, files cost them half of their system time.

A file that is made where many were removed within seconds is dear on ext4, which looks through all
of them for a number that it may use; whole test runs do nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOM = 3 << 30
"""Bytes that must be free, of the file system and of the machine: a whole run needs a fifth."""
_SHARED_MEMORY = Path("/dev/shm")


def in_memory(place: Path = _SHARED_MEMORY, room: int = ROOM) -> Path | None:
    """Return the place if it is a file system in memory that has room and runs programs.

    Containers often have one of 64 MB, from which nothing can be run.
    """
    try:
        found = os.statvfs(place)
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        free = min(found.f_bavail * found.f_frsize, _free_memory())
    except OSError:
        return None
    is_memory = any(line.split()[1:3] == [str(place), "tmpfs"] for line in mounts.splitlines())
    fits = is_memory and free >= room and not found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    return place if fits and os.access(place, os.W_OK | os.X_OK) else None


def _free_memory() -> int:
    """Return the bytes that the machine can give without writing any to a disk."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.removesuffix("kB")) * 1024
    return 0
