"""Files in the user's cache: private, replaced atomically, locked by what dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gitops_cli.domain.errors import Denied, GitError

_POLL = 0.05  # seconds


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return our directory in the user's cache; the XDG rule: a relative path does not count."""
    import tempfile  # 2 ms that most commands do without

    base = Path(environment.get("XDG_CACHE_HOME") or "")
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:  # no home: a container that runs as an unknown user
            base = Path(tempfile.gettempdir()) / f"gitops-cli-{os.getuid()}"
    return base / "gitops-cli"


def cache_name(text: str) -> str:
    """Return a file name for what a URL or a path stands for."""
    import hashlib  # with OpenSSL, 4 ms that most commands do without

    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


def make_private(directory: Path) -> Path:
    """Make a directory that only its owner may enter; raises Denied or GitError."""
    with writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, mode 0600; raises Denied or GitError."""
    import tempfile  # 2 ms that most commands do without

    with writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the file system refuses."""
    try:
        yield
    except PermissionError as error:
        raise Denied(
            f"cannot write {path}: {error.strerror}",
            hint="set XDG_CACHE_HOME to a directory you may write to",
        ) from error
    except OSError as error:
        raise GitError(f"cannot write {path}: {error.strerror}") from error


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
