"""What follows a write: the cluster gets it now, or it is waited for, or said what does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gitops_cli.cli.prompts import may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import WriteOutcome
from gitops_cli.domain.errors import GitOpsError, Interrupted, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.writing import Foresee, nobody_follows


def need_wait(*, rollback_on_failure: bool, wait: bool) -> None:
    """Raise UsageError for --rollback-on-failure of a command that does not wait."""
    if rollback_on_failure and not wait:
        raise UsageError(
            "--rollback-on-failure needs --wait", hint="else nobody learns that it failed"
        )


def need_cluster(session: Session, *, sync: bool, context: str | None) -> None:
    """Raise BadSettings before anything is written for which no cluster could be chosen."""
    if sync and context is None:
        session.need_config("context")


def foreseeing(
    session: Session, context: str | None, kubeconfig: Path | None, *, wanted: bool
) -> Foresee:
    """Return what raises before anything is written that no cluster could be brought or waited for.

    That is WrongCluster, ConfigurationError or Denied; nothing is asked unless that is `wanted`.
    """
    if not wanted:
        return nobody_follows
    from gitops_cli.cli.clusters import clusters_of  # who does not wait need not load it

    clusters = clusters_of(session, context, kubeconfig, warm=False)

    def foresee(environment: EnvironmentName, team: TeamSettings) -> None:
        clusters.of(environment, team)

    return foresee


def follow(
    session: Session,
    outcome: WriteOutcome,
    timeout: float | None,
    *,
    sync: bool,
    wait: bool,
    rollback_on_failure: bool = False,
    context: str | None,
    kubeconfig: Path | None,
) -> None:
    """Let the cluster have what was agreed to, be it new or recorded already; or say what does.

    What keeps it from that does not undo the write, and says so.
    """
    if outcome.dry_run:
        return
    if not sync and not wait:
        _say_what_is_next(session, outcome)
        return
    with _recorded_stays(outcome, sync=sync):
        if outcome.review is not None:
            from gitops_cli.cli.proposing import await_merge

            if outcome.review.proposed is not None:
                _need_clusters(session, outcome, context, kubeconfig)
            left = await_merge(session, outcome.review, timeout)
            if left is None:
                return
            timeout = left
        from gitops_cli.cli import arrival  # who does not wait need not load it

        bring = partial(
            arrival.bring,
            session,
            wait=wait,
            timeout=timeout,
            context=context,
            kubeconfig=kubeconfig,
        )

        def take_back(why: Mapping[EnvironmentName, str]) -> bool:
            if not rollback_on_failure or outcome.review is not None:  # whoever merged it decides
                return False
            from gitops_cli.cli.taking_back import take_back_written

            back = bring if sync else None
            return take_back_written(session, outcome, why, timeout=timeout, then=back)

        services = {
            part.environment: frozenset(c.service for c in (*part.changes, *part.unchanged))
            for part in outcome.draft.parts
        }
        whole = [part.environment for part in outcome.draft.parts if part.manifests is not None]
        if sync:
            bring(services, whole=whole, take_back=take_back)
            return
        # What was merged is at the tip, as whatever commit the forge made of it.
        written = outcome.written if outcome.review is None else None
        commit = None if written is None else written.commit
        arrival.wait_for_arrival(
            session,
            services,
            commit,
            whole=whole,
            timeout=timeout,
            context=context,
            kubeconfig=kubeconfig,
            take_back=take_back,
        )


@contextmanager
def _recorded_stays(outcome: WriteOutcome, *, sync: bool) -> Iterator[None]:
    """Say with what goes wrong after a write that the write is done."""
    is_recorded = outcome.changed and outcome.review is None
    try:
        yield
    except KeyboardInterrupt:
        if not is_recorded:
            raise
        where = " ".join(part.environment for part in outcome.draft.parts if part.writes)
        more = f"sync {where} --wait" if sync else f"wait {where}"
        raise Interrupted(
            "interrupted; what is recorded stays", hint=f"`gitops {more}` goes on"
        ) from None
    except GitOpsError as error:
        if is_recorded and not error.message.startswith("recorded"):  # a rollout's own say it
            error.message = f"recorded, but not known to be in the cluster: {error.message}"
        raise


def _need_clusters(
    session: Session, outcome: WriteOutcome, context: str | None, kubeconfig: Path | None
) -> None:
    """Raise what would keep us from the clusters now, and not when somebody has merged it."""
    from gitops_cli.cli.clusters import clusters_of, placed

    team = session.look().snapshot.team
    placed(
        clusters_of(session, context, kubeconfig, warm=False),
        [part.environment for part in outcome.draft.parts],
        team,
    )


def _say_what_is_next(session: Session, outcome: WriteOutcome) -> None:
    """Tell a person at a terminal that the cluster is as it was, and what changes that."""
    if outcome.changed and outcome.review is None and may_ask() and session.output.for_people:
        where = " ".join(p.environment for p in outcome.draft.parts if p.writes)
        session.output.say(
            f"recorded; the cluster follows with its agent (gitops wait {where}), "
            f"or now: gitops sync {where} --wait"
        )
