"""Find what is wrong in the state repository, with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from gitops_cli.domain.findings import Finding, Severity
from gitops_cli.domain.repository import SETTINGS, Snapshot
from gitops_cli.domain.team import Team
from gitops_cli.domain.validation import validate
from gitops_cli.settings import BadSettings, line_of, parse_team

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class Subject(StrEnum):
    """What was looked at."""

    WORKING_TREE = "working-tree"
    INDEX = "index"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Validation:
    """All findings, by place; `commit` is None for the working tree and the index."""

    subject: Subject
    commit: str | None
    environments: int
    services: int
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings are of that severity."""
        return sum(finding.severity is severity for finding in self.findings)


def validate_repository(
    state: StateRepository,
    *,
    staged: bool,
    now: datetime,
    more: Callable[[Snapshot], Iterable[Finding]] = lambda _snapshot: (),
) -> Validation:
    """Judge the index, or the working tree, or the remote's tip where there is no checkout.

    `more` finds what needs others than the repository, such as a registry.
    """
    subject, snapshot = _look(state, staged=staged)
    return Validation(
        subject,
        snapshot.commit,
        len(snapshot.environments),
        sum(len(environment.files) for environment in snapshot.environments.values()),
        tuple(sorted((*findings_of(snapshot, now=now), *more(snapshot)))),
    )


def _look(state: StateRepository, *, staged: bool) -> tuple[Subject, Snapshot]:
    if staged:
        return Subject.INDEX, state.index_snapshot()
    if state.worktree is not None:
        return Subject.WORKING_TREE, state.worktree_snapshot()
    return Subject.COMMIT, state.snapshot(state.tip().commit)


def findings_of(snapshot: Snapshot, *, now: datetime) -> tuple[Finding, ...]:
    """Return all findings; with a gitops.toml that cannot be read, it and the structural ones."""
    try:
        team = parse_team(snapshot.settings)
    except BadSettings as error:
        defect = Finding(error.path, error.line, "settings", error.defect, error.hint)
        return tuple(sorted((defect, *snapshot.all_findings)))
    return tuple(sorted((*validate(snapshot, team, now=now), *_unknown(snapshot, team))))


def _unknown(snapshot: Snapshot, team: Team) -> Iterator[Finding]:
    """Find what gitops.toml says of services that are nowhere."""
    known = {s for environment in snapshot.environments.values() for s in environment.files}
    for service in team.services:
        if snapshot.settings is not None and known and service not in known:
            line = line_of(snapshot.settings.data.decode(), f"service.{service}")
            message = f"no environment has a service `{service}`"
            yield Finding(SETTINGS, line, "unknown-service", message, severity=Severity.WARNING)
