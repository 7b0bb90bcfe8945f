"""Take services out of an environment's record; their workloads in the cluster stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import Intent
from gitops_cli.domain.change.plan import plan_changes
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, Snapshot
from gitops_cli.operations.writing import Terms, Wanted, draft_versions

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class Removal(NamedTuple):
    """A removal as it is shown."""

    environment: EnvironmentName
    intent: Intent

    @property
    def kinds(self) -> dict[ServiceName, Kind]:
        """Return what kind of workload each service has; it stays in the cluster."""
        return dict(self.intent.kinds)


def plan_removal(
    snapshot: Snapshot, environment: EnvironmentName, services: Collection[ServiceName]
) -> Removal:
    """Return what removing services takes away; raises UnknownService, InvalidState."""
    here = snapshot.environment(environment)
    files = {service: here.file(service) for service in services}
    current = {service: file.version for service, file in files.items()}
    kinds = {service: file.kind for service, file in files.items()}
    return Removal(
        environment, Intent(plan_changes(environment, desired={}, current=current), kinds)
    )


def draft_removal(
    snapshot: Snapshot,
    planned: Removal,
    terms: Terms,
    *,
    state: StateRepository,
    now: datetime,
) -> Draft:
    """Return what is left to remove on this tip; raises SourceMoved and what refuses it."""
    here = snapshot.environment(planned.environment)
    wanted = Wanted(Verb.REMOVE, planned.intent, files=_beside(snapshot, here, planned, state))
    return draft_versions(snapshot, wanted, terms, state=state, now=now)


def _beside(
    snapshot: Snapshot, here: Environment, planned: Removal, state: StateRepository
) -> tuple[Edit, ...]:
    """Return the removal of the services' locks and approvals: they would be of nothing."""
    found = [
        notes.get(service) for service in planned.kinds for notes in (here.locks, here.approvals)
    ]
    paths = [note.path for note in found if note is not None]
    content = state.contents(snapshot.commit, f"{here.name}/") if paths else {}
    return tuple(Edit(path, content.get(path), None) for path in paths)
