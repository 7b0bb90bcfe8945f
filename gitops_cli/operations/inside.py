"""Look inside a service: which pods there are of it, and which container matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gitops_cli.domain.cluster.advice import commands
from gitops_cli.domain.cluster.comparison import Agreement, agreement, workload_of
from gitops_cli.domain.cluster.inside import Asked, Inside, Spot, spot, spots
from gitops_cli.domain.cluster.rollout import judge
from gitops_cli.domain.cluster.workload import (
    Observed,
    Target,
    Workload,
    containers_for,
    recorded_image,
)
from gitops_cli.domain.errors import Denied, NotRunning, UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.team import ServiceRules, TeamSettings
from gitops_cli.operations.ports import Cluster


def look_inside(
    environment: Environment,
    service: ServiceName,
    cluster: Cluster,
    team: TeamSettings,
    *,
    now: datetime,
) -> Inside:
    """Return the service's workload and its pods.

    Raises UnknownService, InvalidState, NotRunning where there is no workload, Denied where its
    pods may not be listed, ClusterError.
    """
    file = environment.file(service)
    name = workload_of(service, team.services)
    rule = team.services.get(service) or ServiceRules(service)
    space = environment.name
    names = frozenset({(file.kind, name)})
    observed = cluster.observe([Target(space, frozenset({file.kind}), True, names)])[space]
    for error in observed.errors.values():
        raise error
    workload = observed.workload(file.kind, name)
    if workload is None:
        raise NotRunning(
            f"there is no {file.kind} `{name}` in namespace {space}",
            hint=f"`gitops diff {space}` shows what is there",
        )
    image = environment.image(service)
    ours = containers_for(workload, image, service=service, configured=rule.containers)
    workload, observed = _with_pods(workload, observed, cluster)
    pods = observed.pods_of(workload)
    if pods is None:
        raise Denied(
            f"not permitted to list pods in {space}, so {service}'s are not known",
            hint="a Role must grant `list` on `pods`",
        )
    jobs = observed.jobs_of(workload)
    return Inside(workload, pods, judge(workload, pods, jobs, now=now), ours, jobs)


def _with_pods(
    workload: Workload, observed: Observed, cluster: Cluster
) -> tuple[Workload, Observed]:
    """Return what has the pods: of a Deployment that is scaled to 0 it may be an Argo Rollout."""
    if workload.kind is not Kind.DEPLOYMENT or workload.counts.wanted:
        return workload, observed
    space = workload.namespace
    other = cluster.observe([Target(space, frozenset({Kind.ROLLOUT}))])[space]
    reference = f"{workload.kind} {workload.name}"
    found = next((one for one in other.workloads if one.pods_from == reference), None)
    return (workload, observed) if found is None else (found, other)


def differs(inside: Inside, environment: Environment, service: ServiceName) -> str | None:
    """Return what to know first where the workload has another version than git records."""
    wanted = environment.image(service)
    ours = inside.ours if isinstance(inside.ours, tuple) else ()
    images = [recorded_image(c, inside.workload) for c in ours if c in inside.workload.containers]
    other = next((i for i in images if agreement(wanted, i) is Agreement.DIFFERENT), None)
    if other is None:
        return None
    return f"git records {wanted}, {inside.workload.resource} has {other}: see `gitops diff`"


def chosen(inside: Inside, asked: Asked, context: str | None, *, every: bool) -> Sequence[Spot]:
    """Return the container that matters, or one of `every` pod; there is at least one.

    Raises UsageError for a pod or a container that is not there, NotRunning where no pod is.
    """
    names = [pod.name for pod in inside.pods]
    if asked.pod is not None and asked.pod not in names:
        raise UsageError(
            f"{inside.workload.resource} has no pod `{asked.pod}`",
            hint=did_you_mean(asked.pod, names) or f"pods: {', '.join(names) or 'none'}",
        )
    try:
        first = spot(inside, asked)
        found = spots(inside, asked) if every else [] if first is None else [first]
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not found:
        raise no_pod(inside, context)
    return found


def no_pod(inside: Inside, context: str | None) -> NotRunning:
    """Return the error of a workload that has no pods, with what says why."""
    workload, rollout = inside.workload, inside.rollout
    trouble = rollout.trouble.text if rollout.trouble else rollout.message
    why = workload.silence or trouble or "no pod was made"
    [more, *_] = commands(
        workload.namespace, workload.kind, workload.name, rollout.trouble, context
    )
    return NotRunning(f"{workload.resource} in {workload.namespace} has no pod: {why}", hint=more)


def not_running(inside: Inside, spot: Spot, context: str | None, what: str) -> NotRunning:
    """Return the error of a container in which there is no `what`, with what to type instead."""
    workload = inside.workload
    trouble = spot.trouble
    why = trouble.text if trouble is not None else spot.waits_for or "its process has ended"
    hints = commands(workload.namespace, workload.kind, workload.name, trouble, context)
    return NotRunning(
        f"{spot.container} in pod {spot.pod} has no {what}: {why}",
        hint=" or ".join(f"`{hint}`" for hint in hints[-2:]),
    )
