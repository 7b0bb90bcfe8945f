"""The cached, commits-only mirror of a source repository that is not on this disk.

Trees and blobs are not needed for ancestry and changelogs: a mirror of 20,000 commits is 3 MB.
Many processes share it: fetches take turns by a lock that the system releases when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gitops_cli.domain.text import redacted
from gitops_cli.source.git import Done, connect
from gitops_cli.source.history import knows

_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_QUIET = ("-c", "gc.autoDetach=false", "-c", "gc.autoPackLimit=40", "-c", "fetch.fsckObjects=false")
_POLL = 0.1  # seconds between looks at a lock that another process holds


def cache_directory() -> Path:
    """Return where mirrors of sources are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "gitops", "source")


@dataclass(slots=True)
class Mirror:
    """A mirror of one URL. `trouble` says why the remote could not be asked, if it could not."""

    url: str
    directory: Path
    timeout: float
    offline: bool = False
    trouble: str | None = None
    _asked: bool = field(default=False, init=False)

    def ready_for(self, *hashes: str) -> Path | None:
        """Return the mirror with these commits, if it can be had; None if not.

        Commits never change, so the remote is asked only for one that is missing, and once.
        """
        if self.directory.is_dir() and knows(self.directory, *hashes):
            return self.directory
        if not self.offline and not self._asked:
            self._asked = True
            self._refresh(hashes)
        return self.directory if self.directory.is_dir() else None

    def _refresh(self, hashes: tuple[str, ...]) -> None:
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _turn(self.directory.with_suffix(".lock"), self.timeout) as mine:
                if not mine:
                    self.trouble = "another process is fetching it"
                elif self.directory.is_dir():
                    if not knows(self.directory, *hashes):  # the one before us may have got it
                        self._fetch(hashes)
                else:
                    self._clone()
        except OSError as error:
            self.trouble = f"{error.filename}: {error.strerror}"

    def _clone(self) -> None:
        import tempfile  # 2 ms that most commands do without

        parent = self.directory.parent
        with tempfile.TemporaryDirectory(dir=parent, prefix="new-") as temporary:
            done = connect(
                parent,
                *_QUIET,
                *("clone", "--quiet", "--bare", "--filter=tree:0", "--template="),
                *("--", self.url, temporary),
                timeout=self.timeout,
            )
            if done.code == 0:
                Path(temporary).rename(self.directory)
                Path(temporary).mkdir()  # for TemporaryDirectory to remove
            else:
                self._failed(done)

    def _fetch(self, hashes: tuple[str, ...]) -> None:
        done = self._fetch_refs()
        if done.code not in (0, None) and _remove_locks(self.directory):
            done = self._fetch_refs()
        if done.code != 0:
            self._failed(done)
            return
        for commit in hashes:
            # A commit that no branch has any more; most servers give it for its hash.
            if not knows(self.directory, commit):
                connect(self.directory, *self._fetching(), commit, timeout=self.timeout)

    def _fetch_refs(self) -> Done:
        return connect(self.directory, *self._fetching("--prune"), *_REFSPECS, timeout=self.timeout)

    def _fetching(self, *options: str) -> list[str]:
        fetch = ["fetch", "--quiet", "--no-write-fetch-head", "--filter=tree:0", *options]
        return [*_QUIET, *fetch, "--", "origin"]

    def _failed(self, done: Done) -> None:
        self.trouble = f"{redacted(self.url)}: {done.said}"


def mirror_of(url: str, *, timeout: float, offline: bool) -> Mirror:
    """Return the mirror of a URL; nothing is fetched yet."""
    import hashlib  # with OpenSSL, 4 ms that most commands do without

    key = hashlib.sha256(url.encode()).hexdigest()[:32]
    return Mirror(url, cache_directory() / f"{key}.git", timeout, offline)


@contextmanager
def _turn(lock: Path, timeout: float) -> Iterator[bool]:
    """Wait for our turn; yields whether it came."""
    with lock.open("a") as file:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
                time.sleep(_POLL)
        yield True


def _remove_locks(directory: Path) -> bool:
    """Remove what a killed git left; nobody else writes here while it is our turn."""
    stale = [path for path in directory.rglob("*.lock") if path.is_file()]
    for path in stale:
        path.unlink(missing_ok=True)
    return bool(stale)
