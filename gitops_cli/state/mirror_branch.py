"""The branch and the objects of a URL, through the cached mirror."""

from __future__ import annotations

import time

from gitops_cli.domain.errors import RemoteUnreachable
from gitops_cli.git.config import Config
from gitops_cli.git.mirror import Mirror, with_branch
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.remote import look
from gitops_cli.state.location import Location
from gitops_cli.state.store import Source, Store

_STILL_FRESH = 1.0  # seconds


class MirrorBranch:
    """The branch of a URL, through the cached mirror."""

    def __init__(self, mirror: Mirror, reader: ObjectReader, *, fresh: bool) -> None:
        self.mirror = mirror
        self.git = mirror.git
        self.push_url = mirror.url
        self.local: Location | None = None
        self._reader = reader
        self._fresh = time.monotonic() if fresh else None  # when made: that was a look as well
        self._known = False

    @property
    def ref(self) -> str | None:
        """Return the branch's full name."""
        return self.mirror.ref

    def last_known(self) -> str | None:
        """Return the tip any process last read or wrote through this mirror."""
        self._fresh = None  # whoever starts from this and comes back wants another look
        return self.mirror.last_known()

    def look(self, *, timeout: float, for_push: bool = False) -> str | None:
        """Return the remote's tip; the first look finds out the branch, later ones just fetch."""
        made, self._fresh = self._fresh, None
        if made is not None and time.monotonic() - made < _STILL_FRESH:
            made_with = self.last_known()
            if made_with is not None:
                self._known = True
                return made_with
        if self._known:
            try:
                return self.mirror.fetch(timeout=timeout)
            except RemoteUnreachable:
                self._known = False  # or the branch is gone, which only a look can tell
        url, ref = self.mirror.url, self.mirror.ref
        seen = look(self.git, url, None, timeout=timeout, fallback=ref)
        if seen.ref != ref:
            self.mirror = with_branch(self.mirror, seen.ref)
        if seen.commit is None:
            return None
        self._known = True
        if self._reader.commit(seen.commit) is None:
            return self.mirror.fetch(timeout=timeout)
        remembered = self._reader.commit(self.mirror.ref)  # no git of its own, as last_known takes
        if remembered is None or remembered.hash != seen.commit:
            self.mirror.remember(seen.commit)
        return seen.commit

    def accepted(self, new: str, old: str | None) -> tuple[str, ...]:
        """Note the new tip for the next process."""
        self._known = True
        self.mirror.remember(new)
        return ()


def mirror_store(mirror: Mirror, reader: ObjectReader, config: Config) -> Store:
    """Return the store of a mirror, which completes itself."""
    source = Source(mirror.git, reader)

    def complete(timeout: float) -> Source:
        mirror.complete(timeout=timeout)
        return source

    return Store(source, config, mirror.path / "shallow", complete, mirror.index_history)
