"""Builds a commit with git plumbing: blobs, trees, commit. Nothing but objects is written.

Trees are made with mktree from the parent's own entries, so no index is needed, not even a
temporary one, and no index setting of the user's (split, sparse, fsmonitor) has a say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gitops_cli.domain.change.message import compose_message
from gitops_cli.domain.change.proposal import Actor, Edit, Move, Proposal
from gitops_cli.domain.errors import GitError, GitOpsError, InvalidState, SourceMoved, UsageError
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.cache import writing
from gitops_cli.git.config import Config
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import LINK_MODE, TREE_MODE, ObjectReader, TreeEntry
from gitops_cli.git.process import Done, Git, RunningGit

DEFAULT_ACTOR = Actor("gitops", "gitops@localhost")

_FILE_MODE = "100644"
_WHAT = {LINK_MODE: "a symbolic link", TREE_MODE: "a directory", "160000": "a submodule"}
_DOING = "cannot write to the repository"
_NO_IDENTITY = "git does not know who you are"
_IDENTITY_HINT = (
    'git config --global user.name "Your Name"; git config --global user.email you@example.com'
)


class CommitIdentity(NamedTuple):
    """Who a commit is by: environment variables for commit-tree, beside git's own settings."""

    variables: Mapping[str, str]
    sign: bool


def identity(
    git: Git, config: Config, environment: Mapping[str, str], actor: Actor | None
) -> CommitIdentity:
    """Return author and committer; a person without an identity gets a UsageError.

    The author is `actor`, or git's own; the committer is git's own, or else the author. In CI
    without either there is a default.
    """
    variables = {} if actor is None else _as("AUTHOR", actor)
    if actor is None and not _known(git, config, environment, "AUTHOR"):
        actor = _without_identity(environment)
        variables = _as("AUTHOR", actor)
    if not _known(git, config, environment, "COMMITTER"):
        variables |= _as("COMMITTER", actor or _without_identity(environment))
    return CommitIdentity(variables, sign=config.flag("commit.gpgsign"))


def _as(role: str, actor: Actor) -> dict[str, str]:
    return {
        f"GIT_{role}_NAME": one_line(actor.name) or DEFAULT_ACTOR.name,
        f"GIT_{role}_EMAIL": one_line(actor.email) or DEFAULT_ACTOR.email,
    }


def _known(git: Git, config: Config, environment: Mapping[str, str], role: str) -> bool:
    """Tell whether git has a name and an address; git itself is asked where it has to guess."""
    section = role.lower()
    name = environment.get(f"GIT_{role}_NAME") or config.get(f"{section}.name")
    email = environment.get(f"GIT_{role}_EMAIL") or config.get(f"{section}.email")
    name = name or config.get("user.name")
    email = email or config.get("user.email") or environment.get("EMAIL")
    if name and email:
        return True
    return git.run("var", f"GIT_{role}_IDENT").code == 0


def _without_identity(environment: Mapping[str, str]) -> Actor:
    if environment.get("CI"):
        return DEFAULT_ACTOR
    raise UsageError(_NO_IDENTITY, hint=_IDENTITY_HINT)


def effective_edits(
    reader: ObjectReader, parent: str | None, edits: Iterable[Edit]
) -> tuple[Edit, ...]:
    """Return the edits that change something, `old` as it really stands in the parent.

    Raises SourceMoved where `old` is not what stands there: then the proposal was not computed
    from this parent, and writing it would undo somebody's change.
    """
    given = tuple(edits)
    for edit in given:
        check_path(edit.path)
    if len({edit.path for edit in given}) != len(given):
        raise UsageError("one change names the same file twice")
    actual = _blobs(reader, parent, [edit.path for edit in given])
    trees = _Trees(reader, parent)
    found = []
    for edit, old in zip(given, actual, strict=True):
        if not _same(old, edit.old):
            raise SourceMoved(f"{edit.path} is not what this change was computed from")
        if old != edit.new or trees.has_another_mode(edit):
            found.append(edit._replace(old=old))
    return tuple(found)


def _blobs(reader: ObjectReader, parent: str | None, paths: Sequence[str]) -> list[bytes | None]:
    if parent is None:
        return [None] * len(paths)
    found = reader.many(f"{parent}:{path}" for path in paths)
    return [None if each is None or each.type != "blob" else each.data for each in found]


def _same(actual: bytes | None, seen: bytes | None) -> bool:
    if actual is None or seen is None:
        return actual is seen
    return actual.strip() == seen.strip()


def check_path(path: str) -> str:
    """Return a path that may be written, or raise UsageError."""
    parts = path.split("/")
    bad = any(
        part in {"", ".", ".."}
        or part.casefold().rstrip(". ").split(":")[0] in {".git", "git~1"}
        or not part.isprintable()
        or "\\" in part
        for part in parts
    )
    if bad:
        raise UsageError(f"`{one_line(path)}` cannot be written: it is no plain path")
    return path


def build_commit(
    git: Git,
    reader: ObjectReader,
    parent: str | None,
    edits: Sequence[Edit],
    proposal: Proposal,
    who: CommitIdentity,
) -> str:
    """Write the commit's objects and return its hash; `edits` are effective ones."""
    with git.start("mktree", "-z", "--batch", "--missing", stdin=True) as mktree:
        blobs = _write_blobs(git, edits)  # while that one starts
        # `--missing` above: in a partial clone, what is not here need not be fetched to be named.
        new = {e.path: blobs.get(e.path) for e in edits}
        modes = {e.path: e.mode for e in edits if e.mode is not None}
        tree = _write_trees(mktree, _Trees(reader, parent), new, modes, proposal.moves)
    ours = git.with_environment(**who.variables)
    trailers = (*proposal.trailers, *(_sign_off(ours) if proposal.sign_off else ()))
    message = compose_message(proposal.subject, proposal.body, trailers)
    done = ours.run(
        "-c",
        "i18n.commitEncoding=UTF-8",
        "commit-tree",
        *(["-S"] if who.sign else []),
        *(["-p", parent] if parent is not None else []),
        "-F",
        "-",
        tree,
        stdin=message.encode(errors="replace"),
    )
    if done.code != 0:
        raise _commit_failure(done, who)
    return _hash(done)


def _sign_off(git: Git) -> Iterator[tuple[str, str]]:
    """Yield the trailer of whoever commits, as `git commit -s` writes it."""
    done = _checked(git.run("var", "GIT_COMMITTER_IDENT"))
    yield "Signed-off-by", done.text.rpartition(">")[0] + ">"


def _commit_failure(done: Done, who: CommitIdentity) -> GitOpsError:
    error = failure(done, "cannot make the commit")
    if who.sign and error.hint is None:
        error.hint = "commit.gpgSign is on; try: git commit-tree -S -m test HEAD^{tree}"
    return error


def _write_blobs(git: Git, edits: Sequence[Edit]) -> dict[str, str]:
    written = [(edit.path, edit.new) for edit in edits if edit.new is not None]
    if not written:
        return {}
    if len(written) == 1:
        ((path, data),) = written
        done = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=data)
        return {path: _hash(_checked(done))}
    import tempfile  # 2 ms that most commands do without

    with tempfile.TemporaryDirectory(prefix="gitops-") as directory:
        files = [Path(directory, str(number)) for number in range(len(written))]
        with writing(Path(directory)):
            for file, (_, data) in zip(files, written, strict=True):
                file.write_bytes(data)
        names = "".join(f"{file}\n" for file in files)
        done = _checked(
            git.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names.encode())
        )
    return dict(zip((path for path, _ in written), done.text.split("\n"), strict=True))


def _write_trees(
    mktree: RunningGit,
    old: _Trees,
    blobs: Mapping[str, str | None],
    modes: Mapping[str, str],
    moves: Sequence[Move],
) -> str:
    """Return the root tree with these paths replaced (None: removed), deepest trees first."""
    files = _moved(old, moves)
    for path, oid in blobs.items():
        directory, _, name = path.rpartition("/")
        old.check_file(directory, name, may_be_link=path in modes)
        moved = files.get(path)
        mode = modes.get(path) or (old.mode(directory, name) if moved is None else moved.mode)
        files[path] = None if oid is None else TreeEntry(mode, name, oid)
    changes: dict[str, dict[str, TreeEntry | None]] = {"": {}}
    for path, new in files.items():
        directory, _, name = path.rpartition("/")
        changes.setdefault(directory, {})[name] = new
        while directory:
            directory = directory.rpartition("/")[0]
            changes.setdefault(directory, {})
    by_depth: dict[int, list[str]] = {}
    for directory in changes:
        by_depth.setdefault(directory.count("/") + 1 if directory else 0, []).append(directory)
    root = ""
    for depth in sorted(by_depth, reverse=True):
        directories = sorted(by_depth[depth])
        wanted = [old.replaced(directory, changes[directory]) for directory in directories]
        for directory, entries in zip(directories, wanted, strict=True):
            oid = _write_tree(mktree, entries)
            if not directory:
                root = oid
                continue
            above, _, name = directory.rpartition("/")
            changes[above][name] = TreeEntry(TREE_MODE, name, oid) if entries else None
    return root


def _moved(old: _Trees, moves: Sequence[Move]) -> dict[str, TreeEntry | None]:
    """Return every file that moves at its new path, and None at its old one.

    Raises SourceMoved for what is not there, UsageError for a place that is taken.
    """
    files: dict[str, TreeEntry | None] = {}
    for move in moves:
        if move.to is not None and old.find(check_path(move.to)) is not None:
            raise UsageError(f"{move.to} is there already")
        if old.find(move.path) is None:
            raise SourceMoved(f"{move.path} is not there any more")
        for path, entry in old.files(move.path):
            files[path] = None
            if move.to is not None:
                to = move.to + path[len(move.path) :]
                files[to] = entry._replace(name=to.rpartition("/")[2])
    return files


class _Trees:
    """The parent's trees, each read once."""

    def __init__(self, reader: ObjectReader, parent: str | None) -> None:
        self._reader = reader
        self._parent = parent
        self._read: dict[str, dict[str, TreeEntry]] = {}

    def entries(self, directory: str) -> dict[str, TreeEntry]:
        """Return a directory's entries by name; raises InvalidState if it is something else."""
        if directory not in self._read:
            self._read[directory] = self._load(directory)
        return self._read[directory]

    def _load(self, directory: str) -> dict[str, TreeEntry]:
        if self._parent is None:
            return {}
        if not directory:
            return {e.name: e for e in self._reader.tree(f"{self._parent}^{{tree}}")}
        above, _, name = directory.rpartition("/")
        found = self.entries(above).get(name)
        if found is None:
            return {}
        if found.mode != TREE_MODE:
            raise InvalidState(
                f"{directory}: is {_WHAT.get(found.mode, 'a file')}, so no file is written below it"
            )
        return {e.name: e for e in self._reader.tree(found.oid)}

    def find(self, path: str) -> TreeEntry | None:
        """Return what is at a path; raises InvalidState where a file stands above it."""
        directory, _, name = path.rpartition("/")
        return self.entries(directory).get(name)

    def files(self, path: str) -> Iterator[tuple[str, TreeEntry]]:
        """Yield all that is at a path or below it, each with its path; no directories."""
        found = self.find(path)
        if found is None or found.mode != TREE_MODE:
            yield from () if found is None else ((path, found),)
            return
        for name in self.entries(path):
            yield from self.files(f"{path}/{name}")

    def has_another_mode(self, edit: Edit) -> bool:
        """Tell whether an edit that says a mode changes it."""
        if edit.mode is None or edit.new is None:
            return False
        found = self.find(edit.path)
        return found is None or found.mode != edit.mode

    def check_file(self, directory: str, name: str, *, may_be_link: bool = False) -> None:
        """Make sure that a path may be a file; raises InvalidState."""
        found = self.entries(directory).get(name)
        if found is not None and found.mode == LINK_MODE and may_be_link:
            return
        if found is not None and found.mode in _WHAT:
            raise InvalidState(f"{directory}/{name}: is {_WHAT[found.mode]}, not a file")

    def mode(self, directory: str, name: str) -> str:
        """Return the mode a file keeps."""
        found = self.entries(directory).get(name)
        return _FILE_MODE if found is None else found.mode

    def replaced(self, directory: str, changes: Mapping[str, TreeEntry | None]) -> list[TreeEntry]:
        """Return a directory's entries after changes."""
        entries: dict[str, TreeEntry | None] = {**self.entries(directory), **changes}
        return [entry for entry in entries.values() if entry is not None]


_TYPES = {TREE_MODE: "tree", "160000": "commit"}


def _write_tree(mktree: RunningGit, entries: Sequence[TreeEntry]) -> str:
    """Write one tree and return its hash: mktree answers each before it reads the next."""
    if mktree.stdin is None or mktree.stdout is None:
        raise GitError("git mktree has no pipes")
    record = b"".join(
        f"{entry.mode} {_TYPES.get(entry.mode, 'blob')} {entry.oid}\t{entry.name}\0".encode(
            errors="surrogateescape"
        )
        for entry in entries
    )
    with suppress(BrokenPipeError):  # it says why
        mktree.stdin.write(record + b"\0")
        mktree.stdin.flush()
    if oid := mktree.stdout.readline().decode().strip():
        return oid
    with suppress(BrokenPipeError):
        mktree.stdin.close()  # else that is tried again, and fails again, when the process is left
    err = b"" if mktree.stderr is None else mktree.stderr.read()
    raise failure(Done(mktree.wait(), b"", err.decode(errors="replace")), _DOING)


def _checked(done: Done) -> Done:
    if done.code != 0:
        raise failure(done, _DOING)
    return done


def _hash(done: Done) -> str:
    return done.text.strip()
