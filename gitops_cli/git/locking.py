"""Locks: ours, which die with their process, and those that a dead git left behind.

Only a git that dies together with its server, so on a path of this machine, leaves the lock of a
branch behind; git itself never removes it, and every later push fails. A living git holds one for
milliseconds, so one that is older than a minute belongs to nobody.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitops_cli.git.cache import writing

_POLL = 0.05  # seconds
_DEAD_AFTER = 60.0  # seconds


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[bool]:
    """Hold a lock file, waiting up to `timeout`; yields whether we have it.

    The kernel drops the lock with its process, so a killed one leaves nothing to clean up. The
    file itself stays: removing it would let two processes lock two files of one name.
    """
    with writing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock(handle, timeout)
    finally:
        os.close(handle)


def _lock(handle: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while True:
        with suppress(OSError):  # held by another process, or a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)


def blocking_locks(repository: str, ref: str) -> list[Path]:
    """Return the locks that keep `ref` from being written; none for a remote elsewhere."""
    root = Path(repository.removeprefix("file://")).expanduser()
    if not root.is_absolute():
        return []
    directories = (root, root / ".git", root.with_name(f"{root.name}.git"))
    locks = (each / f"{name}.lock" for each in directories for name in (ref, "HEAD"))
    return [lock for lock in locks if lock.is_file()]


def remove_dead(lock: Path) -> bool:
    """Remove a lock if nobody can hold it any more; tells whether it is gone."""
    try:
        if time.time() - lock.stat().st_mtime < _DEAD_AFTER:
            return False
        lock.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
