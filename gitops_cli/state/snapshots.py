"""Reads the repository's files into a Snapshot: from a commit, the working tree or the index."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitops_cli.domain.errors import Denied, GitError
from gitops_cli.domain.recorded.environment import IMAGES_PATH, KIND_OF_SUFFIX, Snapshot
from gitops_cli.domain.recorded.files import (
    APPROVAL_SUFFIX,
    LOCK_SUFFIX,
    MANIFESTS,
    MAX_BYTES,
    MAX_SETTINGS_BYTES,
    SETTINGS,
    FileType,
    RawFile,
)
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.text import one_line
from gitops_cli.git.config import Config
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import (
    LINK_MODE,
    MODULE_MODE,
    TREE_MODE,
    ObjectReader,
    TreeEntry,
    parse_tree,
)
from gitops_cli.git.process import Git

_CONVERTING = {"true", "input", "yes", "on", "1"}  # of core.autocrlf


def commit_snapshot(
    reader: ObjectReader, commit: str | None, *, only: Collection[str] | None = None
) -> Snapshot:
    """Return the repository at a commit; None is a repository without commits.

    `only` limits it to some environments: the trees of the others need not be there.
    """
    if commit is None:
        return Snapshot(None, {})
    return parse_snapshot(_read(reader, _paths(reader, commit, only)), commit=commit)


def _paths(
    reader: ObjectReader, commit: str, only: Collection[str] | None
) -> Iterator[tuple[str, TreeEntry]]:
    """Yield every path that a Snapshot is made of, one level of trees per round trip.

    Of what lies deeper in an environment only `manifests` counts, and that something is there.
    """
    top = reader.tree(f"{commit}^{{tree}}")
    yield from ((entry.name, entry) for entry in top if entry.name == SETTINGS)
    names = [e for e in top if e.mode == TREE_MODE and not e.name.startswith(".")]
    names = [e for e in names if only is None or e.name in only]
    level = [
        (f"{name}/{entry.name}", entry)
        for name, entries in _trees(reader, [(e.name, e) for e in names])
        if any(_marks_environment(entry.name) for entry in entries)
        for entry in entries
    ]
    yield from level
    manifests = [(p, e) for p, e in level if e.mode == TREE_MODE and e.name == MANIFESTS]
    for path, entries in _trees(reader, manifests):
        yield from ((f"{path}/{entry.name}", entry) for entry in entries)


def _trees(
    reader: ObjectReader, entries: Iterable[tuple[str, TreeEntry]]
) -> Iterator[tuple[str, list[TreeEntry]]]:
    named = list(entries)
    found = reader.many(entry.oid for _, entry in named)
    for (path, entry), tree in zip(named, found, strict=True):
        if tree is None:
            raise GitError(f"{one_line(path)}: tree {entry.oid} is missing; try `git fsck`")
        yield path, parse_tree(tree, one_line(path))


def _read(reader: ObjectReader, paths: Iterable[tuple[str, TreeEntry]]) -> Iterator[RawFile]:
    """Yield the files with the content that parsing them needs."""
    wanted: list[tuple[str, TreeEntry]] = []
    for path, entry in paths:
        kind = _type(entry.mode)
        if kind is FileType.REGULAR and _needs_content(path):
            wanted.append((path, entry))
        elif kind is not FileType.DIRECTORY or _needs_content(path) or path.count("/") > 1:
            yield RawFile(path, type=kind)
    for settings in (True, False):
        some = [(path, entry) for path, entry in wanted if (path == SETTINGS) is settings]
        blobs = reader.many((entry.oid for _, entry in some), limit=_limit(settings=settings))
        for (path, entry), blob in zip(some, blobs, strict=True):
            if blob is None:
                raise GitError(f"{one_line(path)}: object {entry.oid} is missing; try `git fsck`")
            if blob.type != "blob":
                raise GitError(f"{one_line(path)}: is a {blob.type}, not a file; try `git fsck`")
            yield RawFile(path, blob.data)


def _limit(*, settings: bool) -> int:
    """Return how much of a file is read: one byte more than it may have."""
    return (MAX_SETTINGS_BYTES if settings else MAX_BYTES) + 1


def _type(mode: str) -> FileType:
    if mode.lstrip("0") == TREE_MODE:
        return FileType.DIRECTORY
    if mode == LINK_MODE:
        return FileType.SYMLINK
    return FileType.SUBMODULE if mode == MODULE_MODE else FileType.REGULAR


def _marks_environment(leaf: str) -> bool:
    _, dot, suffix = leaf.rpartition(".")
    return leaf == IMAGES_PATH or dot + suffix in KIND_OF_SUFFIX


def _needs_content(path: str) -> bool:
    if path == SETTINGS:
        return True
    _, _, leaf = path.partition("/")
    return bool(leaf) and "/" not in leaf and (_marks_environment(leaf) or _is_beside(leaf))


def _is_beside(leaf: str) -> bool:
    return leaf.endswith((LOCK_SUFFIX, APPROVAL_SUFFIX))


def index_snapshot(git: Git, reader: ObjectReader, environment: Mapping[str, str]) -> Snapshot:
    """Return what is staged; inside a hook that is the index the hook was given."""
    if index := environment.get("GIT_INDEX_FILE"):
        git = git.with_environment(GIT_INDEX_FILE=str(Path(index).absolute()))
    done = git.run("ls-files", "--stage", "-z", "--full-name", "--", ":/")
    if done.code != 0:
        raise failure(done, "cannot read the index")
    listed = [_staged(line) for line in done.text.split("\0") if line]
    return parse_snapshot(_read(reader, _of_state(listed)))


def _of_state(
    listed: Sequence[tuple[str, TreeEntry]], on_disk: Collection[str] = ()
) -> Iterator[tuple[str, TreeEntry]]:
    """Yield the entries of an index that the state consists of; `on_disk` are paths beside them."""
    environments = {
        path.partition("/")[0]
        for path in (*(path for path, _ in listed), *on_disk)
        if path.count("/") == 1 and _marks_environment(path.partition("/")[2])
    }
    directories = {
        "/".join(path.split("/")[:2]): TreeEntry(TREE_MODE, "", "")
        for path, _ in listed
        if path.count("/") > 1
    }
    for path, entry in (*listed, *directories.items()):
        if path == SETTINGS or ("/" in path and path.partition("/")[0] in environments):
            yield path, entry


def _staged(line: str) -> tuple[str, TreeEntry]:
    """Return one `mode oid stage<TAB>path`; of a conflict every side is read, the last counts."""
    head, _, path = line.partition("\t")
    mode, oid, _ = head.split(" ")
    return path, TreeEntry(mode, path.rpartition("/")[2], oid)


def worktree_snapshot(root: Path, git: Git, reader: ObjectReader, config: Config) -> Snapshot:
    """Return the files on disk as git would commit them; symbolic links are not followed.

    Tracked or not. With core.autocrlf a clean clone has line ends that the repository has not, and
    what a sparse checkout leaves out stays as it is in the index.
    """
    try:
        files = list(_on_disk(root))
    except PermissionError as error:
        raise Denied(f"{error.filename}: {error.strerror}") from error
    if any(b"\r\n" in file.data for file in files):
        converted = _line_ends_converted(git, config.get("core.autocrlf"))
        files = [_with_line_feeds(f) if f.path in converted else f for f in files]
    if config.flag("core.sparsecheckout"):
        files += _left_out(git, reader, {file.path for file in files})
    return parse_snapshot(files)


def _left_out(git: Git, reader: ObjectReader, on_disk: Collection[str]) -> Iterator[RawFile]:
    """Yield the files that a sparse checkout leaves out, as the index has them."""
    done = git.run("ls-files", "-v", "--stage", "-z", "--full-name", "--", ":/")
    if done.code != 0:
        raise failure(done, "cannot read the index")
    tagged = (line.partition(" ") for line in done.text.split("\0") if line)
    listed = [_staged(line) for tag, _, line in tagged if tag.upper() == "S"]
    entries = _of_state([(p, e) for p, e in listed if p not in on_disk], on_disk)
    yield from _read(reader, ((p, e) for p, e in entries if p not in on_disk))


def _with_line_feeds(file: RawFile) -> RawFile:
    return file._replace(data=file.data.replace(b"\r\n", b"\n"))


def _line_ends_converted(git: Git, autocrlf: str | None) -> set[str]:
    """Return the paths whose CRLF becomes LF in a commit (gitattributes(5), git-ls-files --eol)."""
    done = git.run("ls-files", "--eol", "-z", "--cached", "--others", "--full-name", "--", ":/")
    if done.code != 0:
        raise failure(done, "cannot read the line ends of the files")
    by_itself = (autocrlf or "").lower() in _CONVERTING
    found = set()
    for line in done.text.split("\0"):
        facts, _, path = line.partition("\t")
        index, _, attributes = facts.partition(" ")
        _, _, attribute = attributes.partition("attr/")
        word = attribute.split(" ")[0]
        # `auto`, from either side, leaves alone what has such line ends in the repository already.
        guessed = word == "text=auto" or (not word and by_itself)
        if word == "text" or (guessed and index not in {"i/crlf", "i/mixed"}):
            found.add(path)
    return found


def _on_disk(root: Path) -> Iterator[RawFile]:
    for entry in sorted(os.scandir(root), key=lambda e: e.name):
        if entry.name == SETTINGS:
            yield _file_on_disk(entry.name, Path(entry.path))
        elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _directory_on_disk(entry.name, Path(entry.path))


def _directory_on_disk(name: str, directory: Path) -> Iterator[RawFile]:
    entries = sorted(directory.iterdir())
    if not any(_marks_environment(entry.name) for entry in entries):
        return
    for entry in entries:
        path = f"{name}/{entry.name}"
        if _needs_content(path) or not entry.is_dir() or entry.is_symlink():
            yield _file_on_disk(path, entry)
        elif entry.name == MANIFESTS and _holds_files(entry):
            yield RawFile(f"{path}/", type=FileType.DIRECTORY)


def _holds_files(directory: Path) -> bool:
    """Tell whether git would see the directory: it keeps none that is empty."""
    waiting = [str(directory)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    return True
                waiting.append(entry.path)
    return False


def _file_on_disk(path: str, file: Path) -> RawFile:
    if file.is_symlink():
        return RawFile(path, type=FileType.SYMLINK)
    if file.is_dir():
        return RawFile(path, type=FileType.DIRECTORY)
    if not file.is_file():  # a pipe or a socket: never opened, it could block
        return RawFile(path, type=FileType.SUBMODULE)
    if not _needs_content(path):
        return RawFile(path)
    with file.open("rb") as stream:
        return RawFile(path, stream.read(_limit(settings=path == SETTINGS)))
