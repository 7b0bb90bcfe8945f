"""The cached bare mirror of a URL, shared by processes: of a branch's tip, or of all commits.

What makes sharing safe: it appears whole (made aside, then renamed), each process fetches into a
ref of its own, nothing that exists is rewritten but under a lock that dies with its holder, and
under that lock any `*.lock` of git is a dead process's and is removed.

Its name is that of the URL without credentials, and its configuration is ours: URL, credentials
and whatever else it takes to connect come with each fetch.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitError, GitOpsError, RemoteUnreachable
from gitops_cli.domain.text import redacted
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.cache import cache_name, check_own, make_private, writing
from gitops_cli.git.environment import as_environment, without_credentials
from gitops_cli.git.locking import locked
from gitops_cli.git.objects import lacking
from gitops_cli.git.process import Git, text_of
from gitops_cli.git.remote import HEADS, check_ref, checked, fetch, talk
from gitops_cli.git.trust import OURS

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch

_PRIVATE = "refs/gitops/"
_LIVE = "gitops-live"  # one locked file per process that uses the mirror
_CHAIN = "commit-graph-chain"
_INDEX_EVERY = 3600.0  # seconds
_ASKED = 60.0  # seconds for what is on this disk
_PACK_LIMIT = 50
_LOOSE_LIMIT = 27  # objects in one of 256 directories: about 6,900, when git's own gc starts
_SETTINGS = """\
[core]
\trepositoryformatversion = 1
\tbare = true
\tlogAllRefUpdates = false
[gc]
\tpackRefs = false
[extensions]
\tobjectFormat = {format}
"""
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_REMOTE = "gitops"  # its URL comes with each fetch
_PARTIAL = f"""\
\tpartialClone = {_REMOTE}
[remote "{_REMOTE}"]
\tpromisor = true
\tpartialCloneFilter = {{filter}}
[fetch]
\tfsckObjects = false
"""


class Holding(NamedTuple):
    """What a mirror is made of; `folder` keeps the kinds apart."""

    folder: str
    clone: tuple[str, ...]
    settings: str = ""


# The state: its newest commit, and all of that. History is completed when it is asked for.
TIP = Holding("mirrors", ("--depth=1", "--single-branch", "--no-tags"))
# A source: every commit, without trees and files. Of 20,000 commits it is 3 MB.
COMMITS = Holding("sources", ("--filter=tree:0",), _PARTIAL.format(filter="tree:0"))
# A source of several services: with the trees, which say whose directory a commit changes.
_NO_FILES = "blob:none"
TREES = Holding("monorepos", (f"--filter={_NO_FILES}",), _PARTIAL.format(filter=_NO_FILES))
# Of a plain tag on a tree, as the first ones of Linux are, servers without bitmaps leave the tree
# out, too, and git refuses the whole answer (git 2.39).
_TREE_IS_TAGGED = "did not send all necessary objects"


class Mirror(NamedTuple):
    """One mirror on disk. `ref` is the remote's branch, as last known."""

    git: Git
    path: Path
    url: str
    ref: str
    own: OwnRef
    watch: Watch | None = None

    @property
    def is_shallow(self) -> bool:
        """Tell whether history is cut."""
        return (self.path / "shallow").exists()

    def fetch(self, *, timeout: float) -> str:
        """Bring the branch's tip here, over one connection, and return it."""
        fetch(self.git, self.url, f"+{self.ref}:{self.own.name}", timeout=timeout)
        commit = self._read(self.own.name)
        if commit is None:
            raise GitError(f"{redacted(self.url)}: fetched, but {self.own.name} is missing")
        self.remember(commit)
        return commit

    def fetch_commits(
        self, *wanted: str, timeout: float, anew: bool = False, current: bool = False
    ) -> None:
        """Bring what all branches and tags have, and commits that none has any more.

        Nobody is asked for commits that are here, unless what the branches hold by now is asked
        (`anew`); nor for the branches again where they are `current`. For a mirror of commits.
        Raises RemoteUnreachable, Denied or GitError.
        """
        with locked(self.path / "gitops.lock", timeout=timeout) as held:
            if not held:
                raise GitError(f"{redacted(self.url)}: another process is fetching it")
            missing = self._lacking(wanted)
            if not missing and not anew:  # by the one before us
                return
            for dead in self.path.rglob("*.lock"):
                if dead.name != "gitops.lock":
                    dead.unlink(missing_ok=True)
            if not current:
                self._fetch_commits(*_EVERYTHING, options=["--prune"], timeout=timeout)
                missing = self._lacking(missing)
            for commit in missing:  # most servers give it for its hash
                with suppress(GitOpsError):
                    self._fetch_commits(f"+{commit}:{self.own.name}", timeout=timeout)

    def _fetch_commits(self, *refspecs: str, timeout: float, options: Sequence[str] = ()) -> None:
        # Of a remote that has a name git knows that it leaves objects out. The URL may change.
        (url,), environment = without_credentials([self.url], self.git.environment)
        named = as_environment([(f"remote.{_REMOTE}.url", url)], environment)
        git = self.git._replace(environment={**environment, **named})

        def ask(*options: str) -> None:
            fetch(
                git,
                self.url,
                *refspecs,
                options=options,
                name=_REMOTE,
                timeout=timeout,
                watch=self.watch,
            )

        try:
            ask(*options)
        except GitError as error:
            if _TREE_IS_TAGGED not in str(error):
                raise
            ask(*options, *TREES.clone, "--refetch")  # of git 2.36; else we "have" the tree
            # git keeps the filter that there is, and all would come anew with each fetch.
            self.git.run("config", f"remote.{_REMOTE}.partialCloneFilter", _NO_FILES)

    def _lacking(self, commits: Sequence[str]) -> list[str]:
        return lacking(self.git.obeying_nothing(), commits, timeout=_ASKED)

    def last_known(self) -> str | None:
        """Return the tip that was last read or written through this mirror."""
        return self._read(self.ref)

    def remember(self, commit: str) -> None:
        """Note the tip for the next process; skipped while another one notes its own."""
        with locked(self.path / "gitops.lock", timeout=0) as held:
            if held:
                for name in (self.ref, "HEAD"):
                    (self.path / f"{name}.lock").unlink(missing_ok=True)
                self.git.run("update-ref", self.ref, commit)

    def complete(self, *, timeout: float) -> None:
        """Fetch the history that a shallow mirror lacks; index it for walking single files."""
        with locked(self.path / "gitops.lock", timeout=timeout) as held:
            if not held:
                raise GitError(
                    f"{self.path}: another process has been fetching history for {timeout:.0f} s"
                )
            if self.is_shallow:
                (self.path / "shallow.lock").unlink(missing_ok=True)
                refspec = f"+{self.ref}:{self.own.name}"
                fetch(
                    self.git,
                    self.url,
                    refspec,
                    options=["--unshallow"],
                    timeout=timeout,
                    watch=self.watch,
                )
            self._write_commit_graph()

    def index_history(self) -> None:
        """Add new commits to the commit-graph now and then, unless another process does."""
        with suppress(FileNotFoundError):
            if time.time() - self._graphs.joinpath(_CHAIN).stat().st_mtime < _INDEX_EVERY:
                return
        with locked(self.path / "gitops.lock", timeout=0) as held:
            if held and not self.is_shallow:
                self._write_commit_graph()

    @property
    def _graphs(self) -> Path:
        return self.path / "objects" / "info" / "commit-graphs"

    def _write_commit_graph(self) -> None:
        (self._graphs / f"{_CHAIN}.lock").unlink(missing_ok=True)
        self.git.run("commit-graph", "write", "--reachable", "--changed-paths", "--split")

    def _read(self, ref: str) -> str | None:
        words = ("rev-parse", "-q", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        done = self.git.obeying_nothing().run(*words)
        return done.text if done.code == 0 else None


def mirror_path(directory: Path, url: str, holding: Holding = TIP) -> Path:
    """Return where the mirror of a URL is, below our cache directory, whatever the credentials."""
    return directory / holding.folder / f"{cache_name(redacted(url))}.git"


def open_mirror(
    directory: Path,
    url: str,
    environment: Mapping[str, str],
    *,
    offline: bool,
    timeout: float,
    holding: Holding = TIP,
    watch: Watch | None = None,
) -> tuple[Mirror, bool]:
    """Return the mirror of a URL, made if it is not there, and whether it was just made.

    `watch` hears how far its clone and its long fetches are.

    Raises RemoteUnreachable (offline and never fetched, or no answer) or Denied, also where
    somebody else may have written it.
    """
    path = mirror_path(directory, url, holding)
    check_own(path)
    made = not (path / "HEAD").exists()
    if made:
        if offline:
            raise RemoteUnreachable(
                f"{redacted(url)} has never been fetched on this machine",
                hint="run the command once without --offline",
            )
        _make(path, url, environment, timeout, holding, watch)
    git = Git(path, environment, git_dir=path, options=OURS)
    ref = check_ref(text_of((path / "HEAD").read_bytes()).removeprefix("ref: "))
    mirror = Mirror(git, path, url, ref, OwnRef(path), watch)
    _tidy(mirror)
    return mirror, made


def with_branch(mirror: Mirror, ref: str) -> Mirror:
    """Return the mirror following another branch: the remote's HEAD changed."""
    import tempfile  # 2 ms that most commands do without

    with (
        writing(mirror.path),
        tempfile.NamedTemporaryFile(
            "w", dir=mirror.path, prefix="gitops-head-", delete=False
        ) as file,
    ):
        file.write(f"ref: {ref}\n")
        file.flush()
        Path(file.name).replace(mirror.path / "HEAD")
    return mirror._replace(ref=ref)


def _make(
    path: Path,
    url: str,
    environment: Mapping[str, str],
    timeout: float,
    holding: Holding,
    watch: Watch | None,
) -> None:
    """Clone it aside and rename it into place; a killed attempt leaves no mirror."""
    import tempfile  # 2 ms that most commands do without

    make_private(path.parent)
    with locked(path.with_suffix(".lock"), timeout=timeout) as held:
        if (path / "HEAD").exists():
            return
        if held:  # then whatever lies aside belongs to a dead process
            for dead in path.parent.glob(f".{path.stem}.*"):
                shutil.rmtree(dead, ignore_errors=True)
            shutil.rmtree(path, ignore_errors=True)  # no mirror without its HEAD
        with writing(path.parent):
            aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.stem}."))
        try:
            _clone(Git(aside, environment, options=OURS), url, timeout, holding, watch)
            with suppress(OSError):  # another process was first, where locks do not work
                aside.rename(path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        if not (path / "HEAD").exists():
            raise GitError(f"cannot make the mirror {path}")


def _clone(git: Git, url: str, timeout: float, holding: Holding, watch: Watch | None) -> None:
    aside = git.directory
    said = "--quiet" if watch is None else "--progress"
    words = ("clone", said, "--bare", *holding.clone, "--no-local", "--no-reject-shallow")
    words = (*words, "--template=", "--", url, str(aside))
    done = talk(git, *words, url=url, doing="fetch", timeout=timeout, watch=watch)
    try:
        checked(done, "fetch", url)
    except GitError as error:
        if holding != COMMITS or _TREE_IS_TAGGED not in str(error):
            raise
        _clone(git, url, timeout, TREES, watch)
        return
    # Our own settings instead of clone's, which hold the URL.
    kind = "sha256" if b"sha256" in (aside / "config").read_bytes() else "sha1"
    (aside / "config").write_text(_SETTINGS.format(format=kind) + holding.settings)
    head = aside / "HEAD"
    if not text_of(head.read_bytes()).startswith(f"ref: {HEADS}"):  # a remote with a detached HEAD
        head.write_text(f"ref: {HEADS}main\n")
    (aside / _LIVE).mkdir()
    (aside / "refs" / "gitops").mkdir(parents=True)
    packed = aside / "packed-refs"
    if packed.exists():  # as loose files, so that no ref of ours ever needs packed-refs.lock
        _unpack_refs(aside, text_of(packed.read_bytes()))
        packed.unlink()


def _unpack_refs(aside: Path, packed: str) -> None:
    for line in packed.split("\n"):
        oid, _, name = line.partition(" ")
        if name.startswith(HEADS) and not oid.startswith("#"):
            loose = aside / name
            loose.parent.mkdir(parents=True, exist_ok=True)
            loose.write_text(f"{oid}\n")


class OwnRef:
    """A ref for this process alone; it counts as alive while the file of its name is locked.

    Goes with the object, or at the latest with the process.
    """

    def __init__(self, path: Path) -> None:
        handle = None
        while handle is None:
            name = f"{os.getpid()}-{os.urandom(4).hex()}"
            handle = _hold(path / _LIVE / name)
        self.name = f"{_PRIVATE}{name}"
        weakref.finalize(self, _release, path / self.name, path / _LIVE / name, handle)


def _hold(live: Path) -> int | None:
    """Make and lock a file; None if somebody took it for a dead one in between."""
    with writing(live):
        handle = os.open(live, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    taken = True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        taken = False
    except OSError:  # a file system without locks: then nothing is ever taken for dead
        pass
    if taken and live.exists():
        return handle
    os.close(handle)
    return None


def _release(ref: Path, live: Path, handle: int) -> None:
    with suppress(OSError):
        ref.unlink(missing_ok=True)
        live.unlink(missing_ok=True)
    os.close(handle)


def _tidy(mirror: Mirror) -> None:
    """Remove what dead processes left, and let git pack when much has piled up."""
    for live in (mirror.path / _LIVE).iterdir():
        with suppress(OSError):
            _remove_if_dead(mirror.path, live)
    objects = mirror.path / "objects"
    with suppress(FileNotFoundError):
        packs = len(list((objects / "pack").glob("*.pack")))
        loose = len(list((objects / "17").iterdir())) if (objects / "17").is_dir() else 0
        if packs > _PACK_LIMIT or loose > _LOOSE_LIMIT:
            # Unreachable objects stay for two weeks, so nobody's unfinished commit is pruned.
            mirror.git.run("-c", "gc.auto=6700", "gc", "--auto", "--quiet")


def _remove_if_dead(path: Path, live: Path) -> None:
    handle = os.open(live, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for leftover in (path / "refs" / "gitops").glob(f"{live.name}*"):  # its `.lock` too
            leftover.unlink(missing_ok=True)
        live.unlink(missing_ok=True)
    finally:
        os.close(handle)
