"""What the commands share that look inside a service: of which environment, and which pods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.resolve import environment_named, told_service_here
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.advice import Where
from gitops_cli.domain.cluster.inside import Asked, Inside, Spot
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, parse_service
from gitops_cli.operations.inside import chosen, differs, look_inside
from gitops_cli.operations.ports import Cluster

ContainerOption = Annotated[
    str | None,
    typer.Option("--container", "-c", metavar="NAME", help="This container, not the one we chose."),
]
PodOption = Annotated[
    str | None, typer.Option("--pod", metavar="NAME", help="This pod of the service.")
]


class ServiceInside(NamedTuple):
    """A service in its cluster, and the containers to look into: one, unless every pod is meant."""

    environment: EnvironmentName
    service: ServiceName
    cluster: Cluster
    where: Where
    inside: Inside
    spots: Sequence[Spot]


def look(
    session: Session,
    service: str | None,
    env: str | None,
    asked: Asked,
    *,
    project: str | None,
    context: str | None,
    kubeconfig: Path | None,
    every: bool = False,
    acts: bool = False,
) -> ServiceInside:
    """Find out, and say why it is this container; raises what keeps it.

    Of every pod only what is wrong with it is said.
    """
    clusters = clusters_of(session, context, kubeconfig, acts=acts)
    snapshot = session.look().snapshot
    team = snapshot.team
    named = parse_service(service) if service else told_service_here(session, snapshot)
    if named is None:
        raise UsageError("which service?", hint="name it: gitops logs SERVICE -e ENV")
    name = environment_named(session, env, snapshot, project=project, services=(named,))
    environment = snapshot.environment(name)
    environment.file(named)
    cluster = clusters.of(name, team)
    inside = look_inside(environment, named, cluster, team, now=session.now())
    if other := differs(inside, environment, named):
        session.output.note(other)
    spots = chosen(inside, asked, cluster.context, every=every)
    for spot in spots:
        if not every or spot.trouble is not None:
            session.output.note(f"{spot.pod}, container {spot.container}: {spot.why}")
    where = Where(name, cluster.context, None if kubeconfig is None else str(kubeconfig))
    return ServiceInside(name, named, cluster, where, inside, spots)
