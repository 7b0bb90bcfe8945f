"""What was recorded before: changes of version files, one by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.plan import Action
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.version import Version

_OURS = {Verb.SET, Verb.PROMOTE, Verb.ROLLBACK}


class Recorded(NamedTuple):
    """The content of a version file: as a version if it is one, and always as a line of text."""

    text: str
    version: Version | None


class PastChange(NamedTuple):
    """One change of one service. `commit` brought it onto the branch at `at`.

    `made_by` is who did it and why. `replaced_at` None: it is still recorded.
    """

    environment: EnvironmentName
    service: ServiceName
    path: str
    old: Recorded | None
    new: Recorded | None
    commit: str
    at: datetime
    made_by: Commit
    replaced_at: datetime | None

    @property
    def action(self) -> str:
        """Return what the commit says it did, else what it did to the file."""
        said = self.made_by.trailers.get("Gitops-Action")
        if said:
            return said
        if self.old is None:
            return Action.ADD.value
        return Action.REMOVE.value if self.new is None else Action.UPDATE.value

    @property
    def reason(self) -> str:
        """Return why: the recorded reason; else what a person wrote, the body or the subject.

        Empty for a change of ours without a reason: its message repeats the versions.
        """
        made = self.made_by
        if reason := made.trailers.get("Gitops-Reason"):
            return reason
        return "" if made.trailers.get("Gitops-Action") in _OURS else made.body or made.subject

    def lived(self, now: datetime) -> timedelta | None:
        """Return how long the new version was recorded; None for a removal.

        Never less than nothing, whatever the clocks of the two commits said.
        """
        if self.new is None:
            return None
        return max((self.replaced_at or now) - self.at, timedelta(0))
