"""Give `require` of gitops.toml the registry and the cluster it asks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cli.session import Session
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.team import TeamSettings

if TYPE_CHECKING:
    from gitops_cli.domain.cluster.comparison import Comparison
    from gitops_cli.operations.promote import Requires
    from gitops_cli.operations.requirements import Requirements


def requires_of(
    session: Session, team: TeamSettings, context: str | None, kubeconfig: Path | None
) -> Requires:
    """Return what checks `require`; it asks each thing once.

    What looks at clusters takes 15 ms to import, and most stages require nothing: then nothing
    of it is loaded.
    """
    asking = cache(lambda: _requirements(session, team, context, kubeconfig))
    return lambda *what: asking().refusals(*what)


def _requirements(
    session: Session, team: TeamSettings, context: str | None, kubeconfig: Path | None
) -> Requirements:
    """Return what asks for the images and for what runs in the source environment."""
    from gitops_cli.cli.clusters import clusters_of
    from gitops_cli.domain.cluster.comparison import target_of
    from gitops_cli.operations.argo import with_rollouts
    from gitops_cli.operations.diff import compared_with
    from gitops_cli.operations.requirements import Requirements

    clusters = clusters_of(session, context, kubeconfig, warm=False)

    def compare(environment: Environment) -> Comparison:
        cluster, now, name = clusters.of(environment.name, team), session.now(), environment.name
        observed = cluster.observe([target_of(environment, pods=True, rules=team.services)])
        compared = {name: compared_with(environment, observed[name], team, now=now)}
        return with_rollouts(compared, observed, cluster, now)[name]

    return Requirements(lambda: session.registries_to_write_by, compare, team, session.output.note)
