"""What the pods of a workload really run."""

from __future__ import annotations

from collections import Counter

from gitops_cli.domain.cluster.rollout import last_job
from gitops_cli.domain.cluster.workload import Container, Observed, Workload
from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.values import NamedTuple


class RunningImage(NamedTuple):
    """An image that pods run, with the digest their nodes pulled, and how many."""

    image: ImageRef
    digest: str | None
    pods: int


def running_images(
    container: Container, workload: Workload, observed: Observed
) -> tuple[RunningImage, ...] | None:
    """Return what the workload's pods run in that container; of a CronJob, its last job's."""
    pods = observed.pods_of(workload)
    if workload.kind is Kind.CRONJOB:
        return _last_run(container, workload, observed)
    if pods is None:
        return None
    seen = Counter(
        (c.image, c.digest)
        for pod in pods
        for c in pod.containers
        if c.name == container.name and not (pod.deleting or pod.is_over)
        if c.running or _did(c.init, c.ended)
    )
    ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0][0]))
    return tuple(RunningImage(parse_image(image), digest, n) for (image, digest), n in ordered)


def _did(init: bool, ended: object) -> bool:
    # An init container has run to its end where an ordinary one still runs.
    return init and ended is not None


def _last_run(
    container: Container, workload: Workload, observed: Observed
) -> tuple[RunningImage, ...] | None:
    if observed.jobs is None:
        return None
    last = last_job(observed.jobs_of(workload))
    image = (
        next((c.image for c in last.containers if c.name == container.name), None) if last else None
    )
    if last is None or image is None:
        return ()
    digest = next(
        (
            c.digest
            for pod in observed.pods or ()
            for c in pod.containers
            if pod.owner_name == last.name and c.name == container.name
        ),
        None,
    )
    return (RunningImage(parse_image(image), digest, 1),)
