"""What became, or would become, of each object of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.errors import Blocked, ExitCode, GitOpsError, worst
from gitops_cli.domain.manifests.changes import ObjectChange
from gitops_cli.domain.manifests.objects import ObjectId

_MOST_FIELDS = 8  # of a conflict that are named


class Fate(StrEnum):
    """What is, or was, done with an object."""

    SAME = "in-sync"
    ADOPTED = "adopted"
    """As the repository wants it, and not yet marked as ours."""
    CREATED = "created"
    CHANGED = "changed"
    LEFT = "left"
    """It records a newer state commit."""
    EXTRA = "extra"
    """It left the repository, and is still there."""
    KEPT = "kept"
    """It left the repository, and is not to be removed."""
    PRUNED = "pruned"
    NOT_TRIED = "not-tried"
    ERROR = "error"


_DIFFER = frozenset({Fate.CREATED, Fate.CHANGED, Fate.LEFT, Fate.EXTRA, Fate.PRUNED})
_NO = frozenset({Fate.LEFT, Fate.NOT_TRIED})
_WRITTEN = frozenset({Fate.CREATED, Fate.CHANGED, Fate.ADOPTED, Fate.PRUNED})


class Conflict(NamedTuple):
    """Fields that another manager has, and would lose."""

    manager: str
    fields: tuple[str, ...]


class FieldsTaken(Blocked):
    """Others own fields of an object that the repository wants otherwise."""

    code = "field-conflict"

    def __init__(
        self, message: str, conflicts: Sequence[Conflict] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.conflicts = tuple(conflicts)


def taken_message(one: ObjectId, conflicts: Sequence[Conflict]) -> str:
    """Return who has which fields of an object."""
    taken = "; ".join(f"{c.manager} has {_listed(c.fields)}" for c in conflicts)
    return f"cannot apply {one}: {taken}"


def _listed(fields: Sequence[str]) -> str:
    more = f" and {len(fields) - _MOST_FIELDS} more" if len(fields) > _MOST_FIELDS else ""
    return f"{', '.join(fields[:_MOST_FIELDS])}{more}"


class ObjectFate(NamedTuple):
    """One object. `where` is its place in the repository, None once it has left.

    `change` is what differs: not known where it was only applied.
    """

    id: ObjectId
    where: str | None
    fate: Fate
    change: ObjectChange | None = None
    reason: str | None = None
    error: GitOpsError | None = None

    @property
    def done(self) -> Fate:
        """Return what became of it: what was meant and failed was not done."""
        return Fate.ERROR if self.error is not None and self.fate in _WRITTEN else self.fate

    @property
    def differs(self) -> bool:
        """Tell whether cluster and repository are not the same here."""
        return self.fate in _DIFFER or self.error is not None

    @property
    def diff_code(self) -> ExitCode:
        """Return what this object lets `diff` end with."""
        if self.error is not None and not isinstance(self.error, FieldsTaken):
            return self.error.exit_code
        return ExitCode.NO if self.differs else ExitCode.OK

    @property
    def sync_code(self) -> ExitCode:
        """Return what this object lets `sync` end with."""
        if self.error is not None:
            return self.error.exit_code
        return ExitCode.NO if self.fate in _NO else ExitCode.OK

    @property
    def is_written(self) -> bool:
        """Tell whether the cluster has, or would have, taken a write of it."""
        return self.error is None and self.fate in _WRITTEN


# What is said of them where nothing has been done.
_AHEAD = {Fate.CREATED: "missing", Fate.CHANGED: "differs", Fate.ADOPTED: "adoptable"}


def state_word(fate: ObjectFate) -> str:
    """Return the word of an object's state, before anything has been done."""
    return "conflict" if isinstance(fate.error, FieldsTaken) else _AHEAD.get(fate.fate, fate.fate)


class EnvironmentObjects(NamedTuple):
    """All objects of an environment, in the order they are applied."""

    fates: tuple[ObjectFate, ...] = ()

    @property
    def diff_code(self) -> ExitCode:
        """Return the code that speaks for all of them after a `diff`."""
        return worst([fate.diff_code for fate in self.fates])

    @property
    def sync_code(self) -> ExitCode:
        """Return the code that speaks for all of them after a `sync`."""
        return worst([fate.sync_code for fate in self.fates])

    @property
    def is_written(self) -> bool:
        """Tell whether the cluster has, or would have, taken a write."""
        return any(fate.is_written for fate in self.fates)

    @property
    def tells(self) -> bool:
        """Tell whether any of them is worth a word."""
        return any(fate.fate is not Fate.SAME or fate.error is not None for fate in self.fates)
