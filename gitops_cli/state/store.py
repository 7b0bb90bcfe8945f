"""Where objects are read from, and where whole history is when it is cut there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitError
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.config import Config, handed_on
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import LINK_MODE, ObjectReader
from gitops_cli.git.process import Git
from gitops_cli.git.remote import from_anywhere
from gitops_cli.state.location import Location, Remote

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch


class Source(NamedTuple):
    """One object store with its reader."""

    git: Git
    reader: ObjectReader


class Store:
    """The objects of one state repository.

    `complete_from` returns a source with the whole history; it is only asked where `shallow`
    exists, else `index` is called before history is walked. A user's shallow clone stays
    shallow: its history comes from a mirror of its remote.
    """

    def __init__(
        self,
        source: Source,
        config: Config,
        shallow: Path,
        complete_from: Callable[[float], Source],
        index: Callable[[], None] = lambda: None,
    ) -> None:
        self.git = source.git
        self.reader = source.reader
        self.config = config
        self._source = source
        self._shallow = shallow
        self._complete_from = complete_from
        self._index = index
        self._whole: Source | None = None

    def close(self) -> None:
        """End the readers' processes."""
        self.reader.close()
        if self._whole is not None:
            self._whole.reader.close()

    @property
    def is_shallow(self) -> bool:
        """Tell whether history is cut here, even if it is known whole from elsewhere."""
        return self._shallow.exists()

    @property
    def has_whole(self) -> bool:
        """Tell whether whole history was asked for."""
        return self._whole is not None

    @property
    def whole(self) -> Source:
        """Return the source for walking history."""
        return self._whole or self._source

    def complete(self, wanted: str | None, *, offline: bool, timeout: float) -> None:
        """Make `whole` what it says, with the commit `wanted`; raises RemoteUnreachable …."""
        if self._whole is not None and (
            wanted is None or self._whole.reader.commit(wanted) is not None
        ):
            return
        if not self.is_shallow:
            self._index()
            self._whole = self._source
        elif offline:
            raise GitError(
                "the history is not on this machine", hint="run the command without --offline"
            )
        else:
            self._whole = self._complete_from(timeout)

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`. A cut history can only say yes."""
        for source in (self._source, self.whole):
            done = source.git.run("merge-base", "--is-ancestor", "--", older, newer)
            if done.code == 0:
                return True
            if done.code == 1 and not (source is self._source and self.is_shallow):
                return False
        return None

    def contents(self, commit: str, prefix: str) -> Mapping[str, bytes]:
        """Return the regular files below a directory (with or without `/`; empty: all)."""
        where = [f"{prefix.rstrip('/')}/"] if prefix else []
        words = ("ls-tree", "-r", "-z", "--end-of-options", commit, *where)
        done = self.git.run("--literal-pathspecs", *words)
        if done.code != 0:
            raise failure(done, f"cannot list the files of {commit}")
        files: dict[str, str] = {}
        for line in done.text.split("\0"):
            head, _, path = line.partition("\t")
            mode, _, rest = head.partition(" ")
            kind, _, oid = rest.partition(" ")
            if kind == "blob" and mode != LINK_MODE:
                files[path] = oid
        blobs = self.reader.many(files.values())
        return {path: b.data for path, b in zip(files, blobs, strict=True) if b is not None}


def revision(git: Git, rev: str) -> str | None:
    """Return the full hash of a commit-ish, or None."""
    if not rev or "\0" in rev:
        return None
    done = git.run("rev-parse", "-q", "--verify", "--end-of-options", f"{rev}^{{commit}}")
    return done.text if done.code == 0 else None


def clone_store(
    location: Location,
    reader: ObjectReader,
    remote: Remote | None,
    watch: Watch | None = None,
) -> Store:
    """Return the store of a clone; whole history comes from a mirror of its remote if need be."""

    def complete(timeout: float) -> Source:
        from gitops_cli.git.cache import cache_directory
        from gitops_cli.git.mirror import open_mirror

        if remote is None:
            raise GitError(f"{location.path}: the history is cut, and there is no remote")
        environment = handed_on(location.git.environment, location.config)
        url = from_anywhere(remote.url, location.path)
        mirror, _ = open_mirror(
            cache_directory(environment),
            url,
            environment,
            offline=False,
            timeout=timeout,
            watch=watch,
        )
        mirror = mirror._replace(ref=remote.ref or mirror.ref)
        mirror.fetch(timeout=timeout)
        mirror.complete(timeout=timeout)
        return Source(mirror.git, ObjectReader(mirror.git))

    source = Source(location.git, reader)
    return Store(source, location.config, location.common_dir / "shallow", complete)
