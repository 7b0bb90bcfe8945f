"""`--rollback-on-failure`: what did not come up is taken back, by a commit as `rollback` makes it.

The failure stays the news: whatever keeps the rollback from being written is a warning, and the
exit code is the failure's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from gitops_cli.cli.arrival import bring, told
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import agreed, note_writing, terms_of
from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.cluster.sync import RolloutVerdict, SyncReport
from gitops_cli.domain.errors import GitOpsError, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.failed_rollout import FailedVersions, plan_return
from gitops_cli.operations.rollback import draft_rollback
from gitops_cli.operations.writing import Terms, write_draft

Bring = Callable[[Mapping[EnvironmentName, frozenset[ServiceName]]], None]


def going_back(
    session: Session,
    environments: Collection[EnvironmentName],
    snapshot: Snapshot,
    confirmed: str | None,
    *,
    timeout: float | None,
    sync: tuple[str | None, Path | None] | None = None,
) -> Callable[[SyncReport], None]:
    """Return what takes back the services whose rollout failed, one commit for each environment.

    Protected stages are asked about now, while somebody is there. `snapshot` has the versions that
    are waited for. `sync` is the context and the kubeconfig with which the cluster gets them back;
    None: others see to that. Raises Declined, Interrupted or UsageError.
    """
    if session.options.offline:
        raise UsageError("--rollback-on-failure would write, and --offline cannot")
    terms = terms_of(session, "a rollout failed", confirmed=confirmed)
    terms = agreed(list(environments), snapshot.team, terms, question="", yes=True)

    def go_back(report: SyncReport) -> None:
        session.limits.begin(timeout)  # the way back has as long
        failed = [o for o in report.outcomes if o.verdict is RolloutVerdict.FAILED]
        for environment in dict.fromkeys(outcome.environment for outcome in failed):
            here = [outcome for outcome in failed if outcome.environment == environment]
            recorded = snapshot.environment(environment).versions
            _take_back(
                session,
                FailedVersions(environment, {o.service: recorded[o.service] for o in here}),
                terms._replace(reason=f"rollout failed: {told(here)}"),
                timeout=timeout,
                then=None if sync is None else _brought_by_us(session, sync, timeout),
            )

    return go_back


def _brought_by_us(
    session: Session, how: tuple[str | None, Path | None], timeout: float | None
) -> Bring:
    context, kubeconfig = how
    return partial(
        bring, session, wait=True, timeout=timeout, context=context, kubeconfig=kubeconfig
    )


def take_back_written(
    session: Session,
    outcome: WriteOutcome,
    why: Mapping[EnvironmentName, str],
    *,
    timeout: float | None,
    then: Bring | None,
) -> bool:
    """Take back exactly what a writer wrote to the environments in which it failed.

    Tells whether all of that is done.
    """
    failed = [part for part in outcome.draft.parts if part.environment in why]
    if not outcome.changed or not all(part.writes for part in failed):
        where = ", ".join(part.environment for part in failed)
        session.output.warn(f"not rolled back: {where} had it before, it is not of this run")
        return False
    done = [
        _take_back(
            session,
            _written_to(part),
            # What was written in a protected stage was confirmed, and this undoes only that.
            terms_of(
                session,
                why[part.environment],
                overrides=set(part.overrides) & {Override.LOCK},
                confirmed=str(part.environment),
            ),
            timeout=timeout,
            then=then,
        )
        for part in failed
    ]
    return all(done)


def _written_to(part: Draft) -> FailedVersions:
    return FailedVersions(
        part.environment,
        {c.service: c.desired for c in part.changes if c.desired is not None},
        {c.service: c.current for c in part.changes},
        None if part.manifests is None else part.manifests.reversed(),
    )


def _take_back(
    session: Session,
    failed: FailedVersions,
    terms: Terms,
    *,
    timeout: float | None,
    then: Bring | None,
) -> bool:
    """Write the rollback and tell; `then` is called for what it changed. Nothing is raised."""

    def compute(snapshot: Snapshot) -> Draft:
        planned = plan_return(snapshot, failed, state=session.state)
        now = session.now()
        return draft_rollback(snapshot, planned, terms, state=session.state, now=now, by=None)

    try:
        draft, written = write_draft(session.state, compute, actor=session.actor, timeout=timeout)
    except GitOpsError as error:
        session.output.warn(f"not rolled back: {error.message}")
        if error.hint:
            session.output.say(error.hint)
        return False
    for note in draft.warnings:
        session.output.note(note)
    note_writing(session, written)
    if not written.changed or written.commit is None:
        session.output.warn(f"not rolled back: nothing of it is recorded in {failed.environment}")
        return False
    session.output.say(f"rolled back: {written.proposal.subject} ({written.commit[:SHORT]})")
    gone = [change.service for change in draft.changes if change.desired is None]
    for service in gone:
        session.output.say(f"{service} was new: it is out of the record, and stays in the cluster")
    there = [change.service for change in draft.changes if change.service not in gone]
    if then is not None and there:
        _brought(session, failed.environment, there, then)
    return True


def _brought(
    session: Session, environment: EnvironmentName, services: Sequence[ServiceName], then: Bring
) -> None:
    try:
        then({environment: frozenset(services)})
    except GitOpsError as error:
        session.output.warn(f"the rollback is recorded, but not in the cluster: {error.message}")
        session.output.say(f"gitops sync {environment} --wait")
    else:
        session.output.say(f"{environment} has what was recorded before")
