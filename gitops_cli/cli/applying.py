"""A planned sync: applied, and followed until it is rolled out, with what is heard meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from gitops_cli.cli.clusters import Tell, objects_heard, outcomes_heard, rows_heard
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.sync import DryRun, SyncReport
from gitops_cli.operations.sync import SyncPlan
from gitops_cli.operations.sync_apply import apply_plan, wait_for_rollouts
from gitops_cli.render.sync import progress_line


def apply_and_wait(
    session: Session,
    plan: SyncPlan,
    say: Callable[[str, str], None],
    left: Callable[[], float],
    *,
    wait: bool,
    gone: bool = False,
    dry_run: DryRun | None = None,
    fail_fast: bool = False,
    tell: Tell = progress_line,
) -> SyncReport:
    """Apply a plan; with `wait` follow its rollouts, with `gone` until the old pods are, too.

    `tell` makes the lines of progress. `left` tells how many seconds are left: for the patches as
    for the rollouts.
    """
    report = apply_plan(
        plan,
        session.state,
        dry_run=dry_run,
        fail_fast=fail_fast,
        left=left,
        heard=outcomes_heard(session, say, plan.report, tell),
        heard_object=objects_heard(say),
    )
    if not (wait or gone) or dry_run is not None:
        return report
    return wait_for_rollouts(
        plan,
        report,
        now=session.now,
        timeout=left(),
        heard=rows_heard(session, say, report, tell),
        gone=gone,
    )
