"""Take back what a rollout failed of: exactly that, and only while it is still recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.intent import Intent
from gitops_cli.domain.change.plan import Change, Plan
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.version import Version
from gitops_cli.operations.rollback import Rollback
from gitops_cli.operations.rollback_target import Back, wanted_versions

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.state.repository import StateRepository


class FailedVersions(NamedTuple):
    """What was brought to an environment and did not come up.

    `before`: what each service goes back to (None: it was not recorded); without it, to the
    version that `rollback` finds. `manifests`: what takes those back that came with them.
    """

    environment: EnvironmentName
    versions: Mapping[ServiceName, Version]
    before: Mapping[ServiceName, Version | None] | None = None
    manifests: ManifestsPart | None = None


def plan_return(snapshot: Snapshot, failed: FailedVersions, *, state: StateRepository) -> Rollback:
    """Return the way back on this tip; what somebody recorded since stays, and is noted.

    Raises UnknownEnvironment.
    """
    here = snapshot.environment(failed.environment)
    changes: list[Change] = []
    notes: list[str] = []
    for service, version in sorted(failed.versions.items()):
        now = here.versions.get(service)
        if now != version:
            found = now.short if now is not None else "removed"
            notes.append(f"{service} stays as it is recorded: {found}, no longer {version.short}")
            continue
        try:
            changes.append(Change(service, now, _before(snapshot, here, service, failed, state)))
        except UsageError as error:
            notes.append(error.message)
    kinds = {change.service: here.files[change.service].kind for change in changes}
    plan = Plan(failed.environment, tuple(changes))
    intent = Intent(plan, kinds)
    return Rollback(failed.environment, intent, (), (), tuple(notes), failed.manifests)


def _before(
    snapshot: Snapshot,
    here: Environment,
    service: ServiceName,
    failed: FailedVersions,
    state: StateRepository,
) -> Version | None:
    """Return what the service goes back to; raises UsageError where it has no past."""
    if failed.before is not None:
        return failed.before[service]
    return wanted_versions(snapshot, here, (service,), Back(), state).versions[service]
