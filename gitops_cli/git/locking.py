"""Lock files of a dead git in a repository on this machine.

Only a git that dies together with its server, so on a path of this machine, leaves the lock of a
branch behind; git itself never removes it, and every later push fails. A living git holds one for
milliseconds, so one that is older than a minute belongs to nobody.
"""

from __future__ import annotations

import time
from pathlib import Path

_DEAD_AFTER = 60.0  # seconds


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
