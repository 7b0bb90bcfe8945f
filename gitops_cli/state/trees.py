"""Whole directories of the repository, within limits: manifests, and what steps read."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gitops_cli.domain.errors import Denied, GitError, InvalidState
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.steps.content import Content, TrackedFile
from gitops_cli.domain.text import one_line
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

MOST_FILES = 5_000
MOST_FILE_BYTES = 4 << 20
MOST_BYTES = 64 << 20
MOST_LEVELS = 32
PROGRAM_MODE = "100755"
_GITS = (".git", "git~1")  # the second is the first one's other name on Windows' file systems

Files = Mapping[str, bytes]
"""Path from the repository's root → content."""


class _Room:
    """Counts what is read; raises InvalidState when it is more than manifests ever are."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._files = self._bytes = 0

    def take(self, path: str, size: int) -> None:
        self._files += 1
        self._bytes += size
        if size > MOST_FILE_BYTES:
            raise InvalidState(f"{one_line(path)}:1: larger than {MOST_FILE_BYTES >> 20} MiB")
        if self._files > MOST_FILES or self._bytes > MOST_BYTES:
            raise InvalidState(
                f"{one_line(self._directory)}:1: more than {MOST_FILES} files or "
                f"{MOST_BYTES >> 20} MiB of manifests"
            )


def committed_files(reader: ObjectReader, commit: str, directory: str) -> Files:
    """Return all files below a directory of a commit; none where it is no directory.

    A symbolic link is the file it leads to, within the repository. Raises InvalidState.
    """
    room = _Room(directory)
    return dict(_contents(reader, commit, _entries_below(reader, commit, directory, room), room))


def held_files(reader: ObjectReader, commit: str, directory: str) -> Mapping[str, HeldFile]:
    """Return the same as they stand there: with their modes, and links as links."""
    room = _Room(directory)
    files = [
        (path, entry)
        for path, entry in _entries_below(reader, commit, directory, room)
        if entry.mode != MODULE_MODE
    ]
    as_blobs = [(path, entry._replace(mode="")) for path, entry in files]
    contents = _contents(reader, commit, as_blobs, room)
    return {
        path: HeldFile(entry.mode, data)
        for (path, entry), (_, data) in zip(files, contents, strict=True)
    }


def tracked_files(reader: ObjectReader, commit: str, paths: Iterable[str]) -> Content:
    """Return the files and all below the directories of a commit, with their modes.

    Links are what they lead to, as above. Raises InvalidState, also for a path that is not there.
    """
    room = _Room("what steps and checks read")
    entries: dict[str, TreeEntry] = {}
    for path in paths:
        entry = _entry_at(reader, commit, path)
        if entry is None:
            raise InvalidState(
                f"{one_line(path)}:1: a step or check of gitops.toml names it, and it is not there",
                hint="commit and push it, or name another path",
            )
        if not _is_tree(entry):
            entries[path] = entry
            continue
        entries |= _entries_below(reader, commit, path, room)
    for path in entries:
        if any(part.lower() in _GITS for part in path.split("/")):
            raise InvalidState(f"{one_line(path)}:1: has a name that git keeps for itself")
    return {
        path: TrackedFile(data, _is_executable(reader, commit, path, entries[path]))
        for path, data in _contents(reader, commit, entries.items(), room)
    }


def _entry_at(reader: ObjectReader, commit: str, path: str) -> TreeEntry | None:
    above, _, name = path.rpartition("/")
    tree = reader.one(f"{commit}:{above}")
    if tree is None or tree.type != "tree":
        return None
    return next((one for one in parse_tree(tree, one_line(above)) if one.name == name), None)


def _is_executable(reader: ObjectReader, commit: str, path: str, entry: TreeEntry) -> bool:
    found: TreeEntry | None = entry
    if entry.mode == LINK_MODE:
        link = reader.one(entry.oid, limit=MOST_FILE_BYTES)
        found = None if link is None else _entry_at(reader, commit, _target(path, link.data))
    return found is not None and found.mode == PROGRAM_MODE


def hashes(reader: ObjectReader, commit: str, directory: str) -> dict[str, str]:
    """Return the hashes of all files below a directory of a commit, by their paths."""
    found = _entries_below(reader, commit, directory, _Room(directory))
    return {path: entry.oid for path, entry in found}


def paths_between(
    reader: ObjectReader, path: str, old: bytes | None, new: bytes | None
) -> list[str]:
    """Return which files differ between two objects of a path, given by their hashes.

    None: there was, or is, no such.
    """
    before, after = _named(reader, old), _named(reader, new)
    if before is None and after is None:
        return [path]
    found: list[str] = []
    for name in sorted({*(before or {}), *(after or {})}):
        mine, theirs = (before or {}).get(name), (after or {}).get(name)
        if mine != theirs:
            found += paths_between(reader, f"{path}/{name}", mine, theirs)
    return found


def differing(
    reader: ObjectReader, old: str, new: str, above: str = ""
) -> Iterator[tuple[str, bool]]:
    """Yield what two trees do not have alike, modes included, and whether `new` has it.

    A directory that only one of them has is one path, with a slash at its end. The trees are named
    as git names them, and are there.
    """
    before, now = ({e.name: e for e in reader.tree(one)} for one in (old, new))
    for name in sorted({*before, *now}):
        mine, theirs, path = before.get(name), now.get(name), f"{above}{name}"
        if mine == theirs:
            continue
        if mine is not None and theirs is not None and _is_tree(mine) and _is_tree(theirs):
            yield from differing(reader, mine.oid, theirs.oid, f"{path}/")
            continue
        entry = mine if theirs is None else theirs
        yield path + "/" * (entry is not None and _is_tree(entry)), theirs is not None


def _named(reader: ObjectReader, oid: bytes | None) -> dict[str, bytes] | None:
    """Return the hashes of a tree's entries by name; None: it is no tree."""
    found = None if oid is None else reader.one(oid.decode(), limit=1)
    if found is None or found.type != "tree":
        return None
    return {entry.name: entry.oid.encode() for entry in parse_tree(found, found.oid)}


def _entries_below(
    reader: ObjectReader, commit: str, directory: str, room: _Room
) -> list[tuple[str, TreeEntry]]:
    """Return what is below a directory, and is none; raises InvalidState beyond the limits."""
    found = reader.one(f"{commit}:{directory}")
    if found is None or found.type != "tree":
        return []
    files: list[tuple[str, TreeEntry]] = []
    level = [(directory, parse_tree(found, one_line(directory)))]
    for _ in range(MOST_LEVELS):
        below: list[tuple[str, TreeEntry]] = []
        for path, entries in level:
            for entry in entries:
                if "/" in entry.name or entry.name in {"", ".", ".."}:
                    where, name = one_line(path), one_line(entry.name)[:80]
                    raise InvalidState(f"{where}:1: has a file of the name `{name}`")
                below.append((f"{path}/{entry.name}", entry))
        files += [(path, entry) for path, entry in below if not _is_tree(entry)]
        trees = [(path, entry) for path, entry in below if _is_tree(entry)]
        if len(files) > MOST_FILES:
            room.take(directory, MOST_BYTES + 1)
        if not trees:
            return files
        level = list(_parsed(reader, trees))
    raise InvalidState(f"{one_line(directory)}:1: directories are nested too deeply")


def committed_file(reader: ObjectReader, commit: str, path: str) -> bytes | None:
    """Return a file of a commit; None where there is none. Raises InvalidState for a large one."""
    found = reader.one(f"{commit}:{path}", limit=MOST_FILE_BYTES + 1)
    if found is None or found.type != "blob":
        return None
    _Room(path).take(path, len(found.data))
    return found.data


def _is_tree(entry: TreeEntry) -> bool:
    return entry.mode.lstrip("0") == TREE_MODE


def _parsed(
    reader: ObjectReader, trees: Iterable[tuple[str, TreeEntry]]
) -> Iterator[tuple[str, list[TreeEntry]]]:
    named = list(trees)
    for (path, entry), tree in zip(named, reader.many(e.oid for _, e in named), strict=True):
        if tree is None:
            raise GitError(f"{one_line(path)}: tree {entry.oid} is missing; try `git fsck`")
        yield path, parse_tree(tree, one_line(path))


def _contents(
    reader: ObjectReader, commit: str, files: Iterable[tuple[str, TreeEntry]], room: _Room
) -> Iterator[tuple[str, bytes]]:
    regular = [(path, entry) for path, entry in files if entry.mode != MODULE_MODE]
    blobs = reader.many((e.oid for _, e in regular), limit=MOST_FILE_BYTES + 1)
    for (path, entry), blob in zip(regular, blobs, strict=True):
        if blob is None or blob.type != "blob":
            raise GitError(f"{one_line(path)}: object {entry.oid} is missing; try `git fsck`")
        data = blob.data
        if entry.mode == LINK_MODE:
            linked = reader.one(f"{commit}:{_target(path, data)}", limit=MOST_FILE_BYTES + 1)
            if linked is None or linked.type != "blob":
                raise _astray(path, data)
            data = linked.data
        room.take(path, len(data))
        yield path, data


def _target(path: str, link: bytes) -> str:
    """Return where a symbolic link leads, from the repository's root; raises InvalidState."""
    target = link.decode(errors="surrogateescape")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    outside = joined.startswith("..") or joined.partition("/")[0].lower() == ".git"
    if target.startswith("/") or outside or "\0" in joined or "\n" in joined:
        raise _astray(path, link)
    return joined


def _astray(path: str, link: bytes) -> InvalidState:
    target = one_line(link.decode(errors="replace"))[:80]
    return InvalidState(
        f"{one_line(path)}:1: a symbolic link to `{target}`, which is no file of this repository",
        hint="a shared directory is named by a kustomization, or by [stage.X] manifests",
    )


def staged_files(git: Git, reader: ObjectReader, directory: str) -> Files:
    """Return the same of what is staged; a link is refused there."""
    where = f":(top,literal){directory}/"
    done = git.run("ls-files", "--stage", "-z", "--full-name", "--", where)
    if done.code != 0:
        raise failure(done, "cannot read the index")
    files: list[tuple[str, TreeEntry]] = []
    for line in filter(None, done.text.split("\0")):
        head, _, path = line.partition("\t")
        mode, oid, _ = head.split(" ")
        files.append((path, TreeEntry(mode, path.rpartition("/")[2], oid)))
        if mode == LINK_MODE:
            raise _astray(path, b"elsewhere")
    return dict(_contents(reader, "", files, _Room(directory)))


def worktree_files(root: Path, directory: str) -> Files:
    """Return the same of a working tree, as it is on disk."""
    room = _Room(directory)
    try:
        return dict(_on_disk(root, directory, room))
    except PermissionError as error:
        raise Denied(f"{error.filename}: {error.strerror}") from error


def _on_disk(root: Path, directory: str, room: _Room) -> Iterator[tuple[str, bytes]]:
    waiting = [directory]
    while waiting:
        path = waiting.pop()
        place = root / path
        if path.count("/") - directory.count("/") > MOST_LEVELS:
            raise InvalidState(f"{one_line(directory)}:1: directories are nested too deeply")
        if place.is_symlink() or not place.is_dir():
            continue
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                below = f"{path}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(below)
                elif entry.is_symlink():
                    yield below, _linked(root, below, room)
                elif entry.is_file(follow_symlinks=False):
                    yield below, _read(root / below, below, room)


def _linked(root: Path, path: str, room: _Room) -> bytes:
    link = os.fsencode((root / path).readlink())
    target = root / _target(path, link)
    inside = target.resolve().is_relative_to(root.resolve())
    if not inside or target.is_symlink() or not target.is_file():
        raise _astray(path, link)
    return _read(target, path, room)


def _read(file: Path, path: str, room: _Room) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(MOST_FILE_BYTES + 1)
    room.take(path, len(data))
    return data
