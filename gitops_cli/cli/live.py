"""`gitops status --live`: asks the clusters."""

from __future__ import annotations

from pathlib import Path

from gitops_cli.cli.clusters import clusters_of, report_problems
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.sync import Followed
from gitops_cli.domain.errors import InvalidState, worst
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.diff import diff
from gitops_cli.operations.grid import Grids
from gitops_cli.operations.live import with_live
from gitops_cli.operations.manifests import rendered_manifests


def add_live(
    session: Session,
    status: Grids,
    snapshot: Snapshot,
    context: str | None,
    kubeconfig: Path | None,
) -> Grids:
    """Return the status with what runs; what a cluster could not tell is said on stderr."""
    clusters = clusters_of(session, context, kubeconfig)
    names = [column.environment for grid in status.grids for column in grid.columns]
    desired = Desired(snapshot, Followed(status.commit, status.fresh))
    shown = [c.environment for g in status.grids for c in g.columns if c.manifests is not None]
    rendered = rendered_manifests(session.state, snapshot, shown)
    found = diff(desired, names, clusters, now=status.now, rendered=rendered)
    # What is wrong with the files, status says itself.
    problems = [
        problem
        for comparison in found.environments
        for problem in comparison.problems
        if not isinstance(problem, InvalidState)
    ]
    report_problems(session, problems, (note for c in found.environments for note in c.notes))
    session.finish(worst(problem.exit_code for problem in problems))
    if shown:
        from gitops_cli.operations.manifest_status import with_live_manifests

        status = with_live_manifests(status, found.environments)
    return with_live(status, found.environments)
