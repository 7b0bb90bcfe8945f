"""Find what is wrong in the state repository, with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.governing import is_foreign
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.validation import Subject, Validation, validate
from gitops_cli.domain.settings import parse_settings
from gitops_cli.operations.manifests import manifest_findings

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def validate_repository(
    state: StateRepository,
    *,
    staged: bool,
    now: datetime,
    schema: bool = True,
    more: Callable[[Snapshot], Iterable[Finding]] = lambda _snapshot: (),
) -> Validation:
    """Judge the index, or the working tree, or the remote's tip where there is no checkout.

    `more` finds what needs others than the repository, such as a registry. `schema`: objects are
    held against the fields of Kubernetes' own kinds.
    """
    subject, snapshot = _look(state, staged=staged)
    return Validation(
        subject,
        snapshot.commit,
        len(snapshot.environments),
        sum(len(environment.files) for environment in snapshot.environments.values()),
        tuple(
            sorted(
                (
                    *findings_of(snapshot, now=now),
                    *manifest_findings(state, snapshot, staged=staged, schema=schema),
                    *_of_steps(state, snapshot, staged=staged),
                    *more(snapshot),
                )
            )
        ),
    )


def _of_steps(state: StateRepository, snapshot: Snapshot, *, staged: bool) -> Iterator[Finding]:
    if any(rules.steps or rules.checks for rules in snapshot.team.rules.values()):
        from gitops_cli.operations.step_findings import step_findings  # few declare some

        yield from step_findings(state, snapshot, staged=staged)


def _look(state: StateRepository, *, staged: bool) -> tuple[Subject, Snapshot]:
    if staged:
        return Subject.INDEX, state.index_snapshot()
    if state.worktree is not None:
        return Subject.WORKING_TREE, state.worktree_snapshot()
    return Subject.COMMIT, state.snapshot(state.tip().commit)


def findings_of(snapshot: Snapshot, *, now: datetime) -> tuple[Finding, ...]:
    """Return all findings; with a gitops.toml that is no TOML, it and the structural ones."""
    team = snapshot.team
    if any(not defect.key for defect in team.defects):
        return tuple(sorted((*_defects(team), *snapshot.all_findings)))
    found = (*validate(snapshot, now=now), *_unknown(snapshot), *_defects(team))
    return tuple(sorted(found))


def _defects(team: TeamSettings) -> Iterator[Finding]:
    for path, line, key, message, hint in team.defects:
        severity = Severity.WARNING if is_foreign(key) else Severity.ERROR
        yield Finding(path, line, "settings", message, hint, severity)


def _unknown(snapshot: Snapshot) -> Iterator[Finding]:
    """Find what gitops.toml says of services that are nowhere."""
    known = {s for environment in snapshot.environments.values() for s in environment.files}
    unknown = [service for service in snapshot.team.services if service not in known]
    if snapshot.settings is None or not known or not unknown:
        return
    lines = parse_settings(SETTINGS, snapshot.settings.data).lines
    for service in unknown:
        message = f"no environment has a service `{service}`"
        line = lines.of(f"service.{service}")
        yield Finding(SETTINGS, line, "unknown-service", message, severity=Severity.WARNING)
