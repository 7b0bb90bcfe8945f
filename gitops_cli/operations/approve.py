"""Say yes to versions before they are recorded, as a commit that names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.change.draft import Draft, Occasion, Verb, commit_of, in_short
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Actor, Edit
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.approvals import Approval, with_yes
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX
from gitops_cli.domain.version import Version
from gitops_cli.operations.writing import Terms

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def draft_approval(
    snapshot: Snapshot,
    environment: EnvironmentName,
    versions: Mapping[ServiceName, Version],
    terms: Terms,
    *,
    state: StateRepository,
    now: datetime,
    by: Actor | None,
    source: EnvironmentName | None = None,
) -> Draft:
    """Return the approval of versions that are not recorded yet, and not approved by this person.

    A yes to another version of a service goes with it: that one is void.
    """
    here = snapshot.environment(environment)
    said = f"{by.name} <{by.email}>" if by is not None else ""
    new: list[Change] = []
    done: list[Change] = []
    approvals: list[Approval] = []
    for service, version in sorted(versions.items()):
        change = Change(service, here.versions.get(service), version)
        existing = here.approvals.get(service)
        if change.current == version or _has_yes(existing, version, said):
            done.append(change)
            continue
        new.append(change)
        wanted = Approval(_path(here, service), service, version)
        approvals.append(with_yes(existing, wanted, said, now.astimezone(UTC)))
    content = state.contents(snapshot.commit, f"{here.name}/") if approvals else {}
    edits = tuple(Edit(a.path, content.get(a.path), a.text().encode()) for a in approvals)
    named = ", ".join(f"{c.service} {in_short(c.current, c.desired)[1]}" for c in new)
    return _draft(snapshot, here, new, done, edits, terms, f"approve {named}", source)


def draft_withdrawal(
    snapshot: Snapshot,
    environment: EnvironmentName,
    services: Collection[ServiceName],
    terms: Terms,
    *,
    state: StateRepository,
) -> Draft:
    """Return the removal of what was said of services; none named: of all in the environment."""
    here = snapshot.environment(environment)
    wanted = sorted(services or here.approvals)
    missing = [service for service in services if service not in here.approvals]
    if missing:
        raise UsageError(
            f"nobody has approved {missing[0]} for {environment}",
            hint=f"approved there: {', '.join(sorted(here.approvals)) or 'nothing'}",
        )
    gone = [here.approvals[service] for service in wanted]
    content = state.contents(snapshot.commit, f"{here.name}/") if gone else {}
    edits = tuple(Edit(approval.path, content.get(approval.path), None) for approval in gone)
    what = f"withdraw the approval of {', '.join(wanted)}"
    changes = [Change(approval.service, approval.version, None) for approval in gone]
    return _draft(snapshot, here, changes, [], edits, terms, what, None)


def _has_yes(existing: Approval | None, version: Version, said: str) -> bool:
    return (
        existing is not None
        and existing.names(version)
        and any(yes.by == said for yes in existing.given)
    )


def _path(here: Environment, service: ServiceName) -> str:
    return f"{here.name}/{service}{APPROVAL_SUFFIX}"


def _draft(
    snapshot: Snapshot,
    here: Environment,
    changes: Collection[Change],
    done: Collection[Change],
    edits: tuple[Edit, ...],
    terms: Terms,
    what: str,
    source: EnvironmentName | None,
) -> Draft:
    occasion = Occasion(Verb.APPROVE, terms.reason, terms.run, source, rules=snapshot.team.commit)
    services = [change.service for change in changes]
    return Draft(
        Verb.APPROVE,
        here.name,
        tuple(changes),
        tuple(done),
        commit_of(here.name, services, edits, occasion, what),
        source=source,
        reason=terms.reason,
    )
