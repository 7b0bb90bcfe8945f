"""How two commits of a service's source lie to each other, and what that means for a build."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from gitops_cli.domain.values import NamedTuple


class Relation(StrEnum):
    """Where a commit lies, seen from another one."""

    SAME = "same"
    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"


class Distance(NamedTuple):
    """How `new` lies to `old`: commits it adds (`ahead`) and lacks (`behind`).

    A count is None where history is cut (a shallow clone) or a commit is not known.
    """

    relation: Relation
    ahead: int | None = None
    behind: int | None = None

    @property
    def counted(self) -> Distance:
        """Return it by its two counts, if both are known.

        Where they are those of one directory it may be the same at two commits, one of which is
        older.
        """
        if self.ahead is None or self.behind is None:
            return self
        return distance(self.ahead, self.behind)

    def __str__(self) -> str:
        """Return it for people: `3 ahead`, `2 behind`, `3 ahead, 1 behind`, `unknown`."""
        match self.relation:
            case Relation.AHEAD | Relation.BEHIND:
                count = self.ahead if self.relation is Relation.AHEAD else self.behind
                return self.relation.value if count is None else f"{count} {self.relation}"
            case Relation.DIVERGED if self.ahead is not None and self.behind is not None:
                return f"{self.ahead} ahead, {self.behind} behind"
            case _:
                return self.relation.value


SAME = Distance(Relation.SAME, 0, 0)
UNKNOWN = Distance(Relation.UNKNOWN)


def distance(ahead: int, behind: int) -> Distance:
    """Return the distance of two commits of one complete history, by its two counts."""
    if ahead and behind:
        return Distance(Relation.DIVERGED, ahead, behind)
    if ahead or behind:
        return Distance(Relation.AHEAD if ahead else Relation.BEHIND, ahead, behind)
    return SAME


class SourceCommit(NamedTuple):
    """A commit of a service's source; `at` is the committer's time, aware."""

    hash: str
    author: str
    at: datetime
    subject: str


class Changelog(NamedTuple):
    """What lies between two versions of a service.

    `commits` are those that shipping adds, `removed` those it takes away; newest first, cut after
    a limit (`distance` has the numbers of all). `link` is where the forge compares the two.
    """

    distance: Distance
    commits: tuple[SourceCommit, ...] = ()
    removed: tuple[SourceCommit, ...] = ()
    link: str | None = None

    @property
    def authors(self) -> tuple[str, ...]:
        """Return who wrote the commits that are added, the newest first, each once."""
        return tuple(dict.fromkeys(commit.author for commit in self.commits))


NO_CHANGELOG = Changelog(UNKNOWN)


class Evidence(StrEnum):
    """What may say whether a build is older than the recorded one, in the order it is asked.

    The first that knows decides. Where ancestry is required only the first two may let a build
    pass; where nothing knows, it is recorded with a warning. docs/changing-versions.md says the
    same to people.
    """

    CHECKOUT = "the checkout"
    MIRROR = "the source's remote"
    TIMES = "the commits' times"


class Age(StrEnum):
    """What the stale-build guard finds."""

    FRESH = "fresh"
    STALE = "stale"
    UNKNOWN = "unknown"


def age_of_build(found: Distance) -> Age:
    """Judge a build by ancestry.

    A diverged build is fresh: it is another branch's, and nothing says which one is meant.
    """
    match found.relation:
        case Relation.BEHIND:
            return Age.STALE
        case Relation.SAME | Relation.AHEAD | Relation.DIVERGED:
            return Age.FRESH
        case Relation.UNKNOWN:
            return Age.UNKNOWN


def age_by_times(*, recorded: datetime | None, new: datetime | None) -> Age:
    """Judge a build by its source commits' times, which clocks may have got wrong.

    Commits of the same second are in no order: nobody knows which of them is newer.
    """
    if recorded is None or new is None or recorded == new:
        return Age.UNKNOWN
    return Age.STALE if new < recorded else Age.FRESH
