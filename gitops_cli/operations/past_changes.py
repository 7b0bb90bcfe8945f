"""What happened to the record: one change of a version, a lock, an approval or of manifests."""

from __future__ import annotations

from datetime import datetime, timedelta

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.plan import Action
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version


class Recorded(NamedTuple):
    """The content of a version file: as a version if it is one, and always as a line of text."""

    text: str
    version: Version | None


_OURS = frozenset(Verb)


class PastChange(NamedTuple):
    """One change of one service, or of a lock. `commit` brought it onto the branch at `at`.

    `made_by` is who did it and why. `replaced_at` None: it is still recorded. `lock` is the one
    that was set, or (`unlocked`) taken away; `service` None: it is on the whole environment.
    `approved`: somebody said yes to `new`, which is not recorded by that. `manifests` are the files
    that changed of the environment's, if that is what happened. `renamed_from` is the path that
    the file had until then, where nothing else of it changed.
    """

    environment: EnvironmentName
    service: ServiceName | None
    path: str
    old: Recorded | None
    new: Recorded | None
    commit: str
    at: datetime
    made_by: Commit
    replaced_at: datetime | None
    lock: Lock | None = None
    unlocked: bool = False
    approved: bool = False
    manifests: tuple[str, ...] | None = None
    renamed_from: str | None = None

    @property
    def overrides(self) -> tuple[str, ...]:
        """Return the rules in spite of which it was written."""
        said = self.made_by.trailers.get("Gitops-Override")
        if said is None:  # nearly always
            return ()
        return tuple(word.strip() for word in said.split(",") if word.strip())

    @property
    def action(self) -> str:
        """Return what the commit says it did, else what it did to the file."""
        if self.lock is not None:
            return (Verb.UNLOCK if self.unlocked else Verb.LOCK).value
        if self.approved:
            return Verb.APPROVE.value
        said = self.made_by.trailers.get("Gitops-Action")
        if said:
            return said
        if self.manifests is not None:
            return OF_MANIFESTS
        if self.renamed_from is not None:
            return Verb.RENAME.value
        if self.old is None:
            return Action.ADD.value
        return Action.REMOVE.value if self.new is None else Action.UPDATE.value

    @property
    def reason(self) -> str:
        """Return why: the recorded reason; else what a person wrote, the body or the subject.

        Empty for a change of ours without a reason: its message repeats what the row says.
        """
        made = self.made_by
        if reason := made.trailers.get("Gitops-Reason"):
            return reason
        if self.lock is not None and "Gitops-Action" in made.trailers:
            return "" if self.unlocked else self.lock.reason or ""
        is_ours = made.trailers.get("Gitops-Action") in _OURS
        return "" if is_ours else made.body or made.subject

    def lived(self, now: datetime) -> timedelta | None:
        """Return how long the new version was recorded, or the lock was there; None for a removal.

        Never less than nothing, whatever the clocks of the two commits said.
        """
        is_there = self.new is not None or self.lock is not None or self.manifests is not None
        if self.unlocked or self.approved or self.renamed_from is not None or not is_there:
            return None
        return max((self.replaced_at or now) - self.at, timedelta(0))


class HistorySpan(NamedTuple):
    """Which part of the history; `limit` None: all of it."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


OVERRIDE = "override"  # no action of its own: any that was written in spite of a rule
OF_MANIFESTS = "manifests"  # any that changed some; the action of those that say no other
_BY_HAND = (action.value for action in Action if action is not Action.REMOVE)
ACTIONS = (*Verb, *_BY_HAND, OVERRIDE, OF_MANIFESTS)


class Kinds(NamedTuple):
    """Which changes of these: `by` is part of a name or an address; empty fields: any."""

    by: str | None = None
    actions: frozenset[str] = frozenset()

    def has(self, change: PastChange) -> bool:
        author = change.made_by.author
        if self.by and self.by.casefold() not in f"{author.name} <{author.email}>".casefold():
            return False
        over = OVERRIDE in self.actions and bool(change.overrides)
        of_manifests = OF_MANIFESTS in self.actions and change.manifests is not None
        return not self.actions or change.action in self.actions or over or of_manifests
