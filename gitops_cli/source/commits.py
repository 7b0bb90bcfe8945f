"""Questions about commits, asked of one repository on this disk. It may be anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from gitops_cli.domain.past.ancestry import (
    SAME,
    UNKNOWN,
    Distance,
    Relation,
    SourceCommit,
    distance,
)
from gitops_cli.domain.past.commits import time_of
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import is_commit
from gitops_cli.git.discovery import git_around
from gitops_cli.git.environment import git_environment
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import lacking
from gitops_cli.git.process import Done, Git
from gitops_cli.git.remote import HEADS

_FIELDS = "%H%x00%an%x00%ct%x00%s"
_READ = 60.0  # seconds


class Named(NamedTuple):
    """The kind of object that a hash names (commit, tag, tree, blob), and the commit, if any."""

    kind: str
    commit: str | None = None


class Commits:
    """The commits of one repository. What it cannot know is None, UNKNOWN or empty.

    `trouble` says why it cannot be read at all, if so.
    """

    def __init__(self, git: Git, *, branches: str = HEADS) -> None:
        """`branches` is where the refs of the source's own branches are."""
        self._git = git.obeying_nothing()
        self._found: dict[str, tuple[str, str] | None] = {}
        self._here: set[str] = set()
        self._distances: dict[tuple[str, str], Distance] = {}
        self._branches = branches

    @classmethod
    def around(cls, directory: Path, *, branches: str = HEADS) -> Commits:
        """Return those of the repository around a directory."""
        return cls(git_around(directory, git_environment()), branches=branches)

    @property
    def trouble(self) -> str | None:
        """Return why git cannot read the repository; None if it can."""
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[bool, str | None]:
        """Return whether the history is cut, so that a `no` proves nothing; and any trouble."""
        if not self._git.directory.is_dir():
            return True, f"{self._git.directory}: no such directory"
        done = self._asked("rev-parse", "--is-shallow-repository")
        if done.code != 0:
            error = failure(done, str(self._git.directory))
            return True, f"{error.message} ({error.hint})" if error.hint else error.message
        return done.text.strip() != "false", None

    @property
    def is_cut(self) -> bool:
        """Tell whether history is cut, or cannot be read: then a `no` proves nothing."""
        return self._opened[0]

    def _asked(self, *arguments: str) -> Done:
        return self._git.run_within(_READ, *arguments)

    def _known(self, *hashes: str) -> bool:
        return self.trouble is None and all(map(is_commit, hashes))

    def lacks(self, *hashes: str) -> list[str]:
        """Return which of these commits are not in the repository."""
        unsure = [h for h in dict.fromkeys(hashes) if h not in self._here]
        missing = lacking(self._git, unsure, timeout=_READ) if self._known(*unsure) else unsure
        self._here.update(set(unsure).difference(missing))
        return missing

    def is_on(self, commit: str, branches: Iterable[str]) -> bool | None:
        """Tell whether one of the branches (globs) holds a commit; None: it is not known here."""
        if not self._known(commit):
            return None
        words = ("for-each-ref", f"--contains={commit}", "--format=%(refname)", self._branches)
        done = self._asked(*words)
        if done.code != 0:
            return None
        names = [ref.removeprefix(self._branches) for ref in done.text.split("\n")]
        if any(fnmatchcase(name, branch) for name in names for branch in branches):
            return True
        return None if self.is_cut else False

    def distance(self, old: str, new: str) -> Distance:
        """Return how `new` lies to `old`; UNKNOWN where the repository cannot tell."""
        if old == new:
            return SAME
        found = self._distances.get((old, new))
        if found is None:
            found = self._distance(old, new)
            if found.relation is not Relation.UNKNOWN:  # somebody may fetch it meanwhile
                self._distances[old, new] = found
        return found

    def _distance(self, old: str, new: str) -> Distance:
        if not self._known(old, new):
            return UNKNOWN
        if self.is_cut:
            return self._cut_distance(old, new)
        done = self._asked("rev-list", "--left-right", "--count", f"{old}...{new}")
        counts = done.text.split()
        if done.code != 0 or len(counts) != 2:
            return UNKNOWN
        return distance(ahead=int(counts[1]), behind=int(counts[0]))

    def _cut_distance(self, old: str, new: str) -> Distance:
        """Return what a shallow clone knows for certain: that one contains the other.

        Both may be there and the way between them cut off, so that a `no` proves nothing.
        """
        if self._contains(old, new):
            return Distance(Relation.BEHIND)
        return Distance(Relation.AHEAD) if self._contains(new, old) else UNKNOWN

    def _contains(self, newer: str, older: str) -> bool:
        return self._asked("merge-base", "--is-ancestor", older, newer).code == 0

    def counts(self, old: str, new: str, path: str) -> tuple[int, int] | None:
        """Return how many commits of a directory `new` adds, and how many it lacks.

        None where the history is cut, or has not the trees that would tell.
        """
        if self.is_cut or not self._known(old, new):
            return None
        words = ("--left-right", "--count", f"{old}...{new}", "--", path)
        done = self._asked("rev-list", *words)
        counts = done.text.split()
        return (int(counts[1]), int(counts[0])) if done.code == 0 and len(counts) == 2 else None

    def between(
        self, old: str, new: str, limit: int, path: str | None = None
    ) -> tuple[SourceCommit, ...] | None:
        """Return the commits that `new` has and `old` has not, newest first, at most `limit`.

        Those of a directory only, if `path` says one. None where the history is cut or one of the
        two is not known.
        """
        if self.is_cut or not self._known(old, new):
            return None
        below = () if path is None else ("--", path)
        words = ("-z", f"-n{limit}", f"--format={_FIELDS}", f"{old}..{new}", *below)
        done = self._asked("log", *words)
        return tuple(_commits(done)) if done.code == 0 else None

    def time(self, commit: str) -> datetime | None:
        """Return when a commit was made; None if it is not known here."""
        found = self._commit(commit)
        return None if found is None else time_of(int(found[1]))

    def times(self, hashes: Sequence[str]) -> dict[str, datetime]:
        """Return when commits were made, of those that are known here; asked of one process."""
        here = set(hashes).difference(self.lacks(*hashes)) if hashes else set()
        if not here:
            return {}
        asked = "".join(f"{commit}\n" for commit in sorted(here)).encode()
        words = ("rev-list", "--no-walk=unsorted", "--timestamp", "--stdin")
        done = self._git.run_within(_READ, *words, stdin=asked)
        lines = (line.partition(" ") for line in done.text.split("\n"))
        return {h: time_of(int(at)) for at, _, h in lines if h} if done.code == 0 else {}

    def _commit(self, name: str) -> tuple[str, str] | None:
        """Return hash and time of the commit that a hash names, perhaps by way of a tag."""
        if name not in self._found and self._known(name):
            done = self._asked("log", "-1", "--format=%H %ct", name)
            commit, _, seconds = done.text.partition(" ")
            self._found[name] = (commit, seconds) if done.code == 0 and seconds else None
        return self._found.get(name)

    def like(self, prefix: str) -> list[str]:
        """Return the commits whose hash begins with `prefix`."""
        if self.trouble is not None:
            return []
        done = self._asked("rev-parse", f"--disambiguate={prefix}")
        named = ((h, self.named(h)) for h in done.text.split())
        return [h for h, what in named if what is not None and what.commit == h]

    def refs(self, name: str, *places: str) -> list[str]:
        """Return the commits that refs of this name in these places (`refs/tags/`) stand for."""
        if self.trouble is not None:
            return []
        words = ("rev-parse", "--quiet", "--verify", "--end-of-options")
        asked = (self._asked(*words, f"{place}{name}^{{commit}}") for place in places)
        return list(dict.fromkeys(done.text for done in asked if done.code == 0))

    def named(self, name: str) -> Named | None:
        """Return what a full hash names; None: it is not here."""
        if (found := self._commit(name)) is not None:
            return Named("commit" if found[0] == name else "tag", found[0])
        kind = self._asked("cat-file", "-t", name) if self._known(name) else None
        return Named(kind.text) if kind is not None and kind.code == 0 else None


def _commits(done: Done) -> Iterator[SourceCommit]:
    fields = done.out.decode(errors="replace").split("\0")
    for at in range(0, len(fields) - 3, 4):
        name, author, seconds, subject = fields[at : at + 4]
        yield SourceCommit(name, author, time_of(int(seconds)), subject)
