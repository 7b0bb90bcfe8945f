"""`--sync` and `--wait` of the writers: the cluster gets what was recorded, or is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from gitops_cli.cli.annex import agent_hooks
from gitops_cli.cli.applying import apply_and_wait
from gitops_cli.cli.clusters import (
    clusters_of,
    notice_sync,
    progress,
    rows_heard,
)
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.advice import commands
from gitops_cli.domain.cluster.sync import SyncOutcome, SyncReport
from gitops_cli.domain.errors import ExitCode, GitOpsError, RolloutFailed, TimedOut, worst
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import spoken
from gitops_cli.operations.desired import Selection, desired_state
from gitops_cli.operations.manifests import rendered_manifests
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.sync import Manifested, plan_sync
from gitops_cli.operations.wait import wait_for_state
from gitops_cli.operations.waiting import SECONDS
from gitops_cli.render.sync import told_later

# Told where it failed and why; tells whether all of that was taken back.
TakeBack = Callable[[Mapping[EnvironmentName, str]], bool]


def wait_for_arrival(
    session: Session,
    services: Mapping[EnvironmentName, frozenset[ServiceName]],
    commit: str | None,
    *,
    whole: Collection[EnvironmentName] = (),
    timeout: float | None,
    context: str | None,
    kubeconfig: Path | None,
    take_back: TakeBack = lambda why: False,
) -> None:
    """Wait until an agent, or somebody's sync, brought a state commit to the environments.

    Of those in `whole` all services are waited for: more than versions was recorded.
    Tells progress on stderr; stdout has the writer's own result. Ends as `gitops wait` would.
    `take_back` is called with what failed before that is raised.
    Raises RolloutFailed, TimedOut, ClusterUnreachable, Denied.
    """
    desired = desired_state(session.state, rev=commit)
    team = desired.snapshot.team
    services = {
        name: frozenset(desired.snapshot.environment(name).files) if name in whole else some
        for name, some in services.items()
    }
    clusters = clusters_of(session, context, kubeconfig, warm=False)
    for environment in services:
        _say_who_follows(session, environment, team, clusters)
    with progress(session) as say:
        for environment in services:
            say(environment, f"waiting until {environment} has it")
        report = wait_for_state(
            desired,
            list(services),
            clusters,
            session.state,
            now=session.now,
            timeout=SECONDS if timeout is None else timeout,
            services=services,
            heard=rows_heard(session, say, tell=told_later),
        )
    notice_sync(session, report, team)
    _raise_if_missed(report, take_back)
    session.finish(report.exit_code)
    if report.exit_code is ExitCode.OK and session.output.for_people:
        for environment in services:
            session.output.say(f"{environment} has it")
    for outcome in report.outcomes:
        if outcome.exit_code is not ExitCode.OK:
            why = outcome.reason or spoken(outcome.verdict or "")
            session.output.warn(
                f"recorded, but not in {outcome.environment}: {outcome.service}: {why}"
            )


def _say_who_follows(
    session: Session, environment: EnvironmentName, team: TeamSettings, clusters: Clusters
) -> None:
    """Say at once if no agent follows the environment: then somebody's sync is awaited."""
    try:
        followed = agent_hooks().follows(clusters.of(environment, team), environment)
    except GitOpsError:
        return  # who may not look may wait all the same
    if not followed:
        session.output.warn(
            f"no agent follows {environment}: nothing happens until somebody runs "
            f"`gitops sync {environment}`; --sync does it"
        )


def bring(
    session: Session,
    services: Mapping[EnvironmentName, frozenset[ServiceName]],
    *,
    whole: Collection[EnvironmentName] = (),
    wait: bool,
    timeout: float | None,
    context: str | None,
    kubeconfig: Path | None,
    take_back: TakeBack = lambda why: False,
) -> None:
    """Make the environments' clusters follow what is recorded, for these services; with any
    environment in `whole`, for all of them, and all objects.

    Tells progress and what came of it on stderr; the session ends as `gitops sync` would.
    `take_back` is called with what failed before that is raised.
    """
    named = frozenset[ServiceName]().union(*services.values())
    desired = desired_state(session.state)  # the tip: ours, or what somebody recorded since
    plan = plan_sync(
        desired,
        list(services),
        clusters_of(session, context, kubeconfig, warm=False, acts=True),
        session.state,
        now=session.now(),
        actor=lambda: session.person,
        selection=Selection(() if whole else sorted(named)),
        manifests=Manifested(rendered_manifests(session.state, desired.snapshot, services)),
    )
    end = None if timeout is None else time.monotonic() + timeout

    def left() -> float:
        return SECONDS if end is None else max(0.0, end - time.monotonic())

    stays: set[str] = set()  # of the progress; on a terminal nothing does
    with progress(session) as show:

        def say(what: str, line: str) -> None:
            show(what, line)
            if session.output.stderr.console is None:
                stays.add(line)

        report = apply_and_wait(session, plan, say, left, wait=wait, tell=told_later)
    if session.output.for_people:
        for line in map(told_later, report.outcomes):
            if line not in stays:
                session.output.say(line)
    session.finish(report.exit_code)
    notice_sync(session, report, desired.snapshot.team)
    _raise_if_missed(report, take_back)


def _raise_if_missed(report: SyncReport, take_back: TakeBack) -> None:
    missed = [outcome for outcome in report.outcomes if outcome.exit_code is not ExitCode.OK]
    errors = [p for e in report.environments for p in e.problems]
    errors += [outcome.error for outcome in missed if outcome.error is not None]
    if errors:
        most = worst(error.exit_code for error in errors)
        raise next(error for error in errors if error.exit_code is most)
    said = told(missed)
    where = " ".join(dict.fromkeys(o.environment for o in missed))
    failed = [o for o in missed if o.exit_code is ExitCode.ROLLOUT_FAILED]
    if failed:
        contexts = {each.environment: each.context for each in report.environments}
        context = contexts[failed[0].environment]
        by_environment: dict[EnvironmentName, list[SyncOutcome]] = {}
        for outcome in failed:
            by_environment.setdefault(outcome.environment, []).append(outcome)
        is_back = take_back({e: f"rollout failed: {told(o)}" for e, o in by_environment.items()})
        raise RolloutFailed(
            f"recorded{' and taken back' if is_back else ''}, but the rollout in {where} failed: "
            f"{said}",
            hint=_hint(failed[0], context, is_back=is_back),
        )
    if report.exit_code is ExitCode.TIMED_OUT:
        raise TimedOut(
            f"recorded, but {where} does not have it yet: {said}",
            hint=f"`gitops wait {where}` goes on waiting; `gitops sync {where}` does it now",
        )


def told(outcomes: Iterable[SyncOutcome]) -> str:
    """Return why services did not arrive, in a line."""
    return "; ".join(f"{o.service}: {o.reason or spoken(o.verdict or '')}" for o in outcomes)


def _hint(outcome: SyncOutcome, context: str | None, *, is_back: bool) -> str:
    trouble = outcome.rollout.trouble if outcome.rollout else None
    found = commands(outcome.environment, outcome.kind, outcome.service, trouble, context)
    more = f"`{found[0]}` shows more"
    if is_back:
        return more
    return f"{more}; `gitops rollback {outcome.service} -e {outcome.environment}` goes back"
