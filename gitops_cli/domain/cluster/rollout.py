"""Judge from plain values whether a workload's pods follow its template, and what keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gitops_cli.domain.cluster.troubles import Trouble, pod_troubles, worst_of
from gitops_cli.domain.cluster.workload import Ended, Job, Pod, PodContainer, Stated, Workload
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.values import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The kubelet forgets its back-off once a container has run for ten minutes (Kubernetes'
# documentation, "Pod Lifecycle", "How Pods handle problems with containers").
_STEADY = 600.0
_PROOF = 30.0  # seconds that a start has to hold after a crash, however soon that came


class Phase(StrEnum):
    """Where a rollout is; partitioned: as far as a StatefulSet's partition lets it."""

    COMPLETE = "complete"
    PARTITIONED = "partitioned"
    PROGRESSING = "progressing"
    HALTED = "halted"
    FAILED = "failed"


class Rollout(NamedTuple):
    """A judgement. `message` says how far it is or why it stands still; empty when complete.

    `suspicion` is a trouble that only events can confirm, by its message.
    """

    phase: Phase
    message: str = ""
    trouble: Trouble | None = None
    counts: tuple[int, int] = (0, 0)  # ready pods of the newest template, wanted
    suspicion: Trouble | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether waiting longer makes no sense."""
        return self.phase is not Phase.PROGRESSING


def judge(
    workload: Workload,
    pods: Collection[Pod] | None = None,
    jobs: Sequence[Job] = (),
    *,
    generation: int = 0,
    now: datetime | None = None,
) -> Rollout:
    """Judge a workload; `generation` is the least its controller must have seen.

    Without `pods` (no right to list them) only the workload's own status counts; without `now`
    no restart does.
    """
    if workload.kind is Kind.CRONJOB:
        return _judge_cronjob(workload, pods or (), jobs)
    counts = workload.counts
    progress = (min(counts.updated, counts.available), counts.wanted)
    if workload.observed_generation < max(workload.generation, generation):
        return Rollout(Phase.PROGRESSING, "its controller has not seen the change yet")
    if workload.stated is not None:
        return _judge_stated(workload, workload.stated, pods or (), progress, now)
    if _is_complete(workload):
        return _proven(newest_pods(workload, pods or ()), now, (counts.wanted, counts.wanted))
    if _is_complete_above_partition(workload):
        found = _proven(newest_pods(workload, pods or ()), now, progress)
        if found.phase is Phase.COMPLETE:
            found = found._replace(phase=Phase.PARTITIONED, message=_stay(workload))
        return found
    newest = newest_pods(workload, pods or ())
    # The status may not know yet that pods are ready between two of their crashes.
    trouble = trouble_of(workload, pods or ()) or _proven(newest, now, progress).trouble
    if (deadline := _deadline_exceeded(workload, now)) is not None:
        stuck = trouble or Trouble("ProgressDeadlineExceeded", deadline)
        return Rollout(Phase.FAILED, "ProgressDeadlineExceeded", stuck, progress)
    if trouble is not None and trouble.final:
        return Rollout(Phase.FAILED, trouble.reason, trouble, progress)
    halted = _halted(workload)
    if halted is not None and trouble is None:
        return Rollout(Phase.HALTED, halted, None, progress)
    suspicion = None if trouble is not None else _suspicion(workload, pods or ())
    return Rollout(Phase.PROGRESSING, _distance(workload), trouble, progress, suspicion)


def _judge_stated(
    workload: Workload,
    stated: Stated,
    pods: Collection[Pod],
    progress: tuple[int, int],
    now: datetime | None,
) -> Rollout:
    """Judge a Rollout as its controller does: it alone knows steps, analyses and weights."""
    wanted = workload.counts.wanted
    trouble = trouble_of(workload, pods)
    match stated.phase:
        case "Healthy":
            return _proven(newest_pods(workload, pods), now, (wanted, wanted))
        case "Degraded":
            said = trouble or Trouble("Degraded", stated.message, final=True)
            return Rollout(Phase.FAILED, stated.message or "Degraded", said, progress)
        case "Paused" if not stated.goes_on:
            how = f"`kubectl argo rollouts promote {workload.name} -n {workload.namespace}`"
            message = f"paused: {stated.message or 'somebody has to promote it'}; {how}"
            return Rollout(Phase.HALTED, message, trouble, progress)
    failed = trouble is not None and trouble.final
    message = stated.message or _distance(workload)
    return Rollout(Phase.FAILED if failed else Phase.PROGRESSING, message, trouble, progress)


def _is_complete(workload: Workload) -> bool:
    """Tell it as `kubectl rollout status` does, but from the truth of all pods: no partition."""
    counts = workload.counts
    return (
        counts.updated >= counts.wanted
        and counts.existing <= counts.updated
        and counts.available >= counts.updated
        and counts.ready >= counts.wanted
    )


def _is_complete_above_partition(workload: Workload) -> bool:
    """Tell whether all pods that a partition lets be new are, and the others run, too."""
    counts = workload.counts
    return (
        0 < workload.partition < counts.wanted
        and counts.updated >= counts.wanted - workload.partition
        and counts.existing <= counts.wanted
        and min(counts.available, counts.ready) >= counts.wanted
    )


def _stay(workload: Workload) -> str:
    counts = workload.counts
    new = f"{counts.updated} of {counts.wanted} pods {'is' if counts.updated == 1 else 'are'} new"
    return f"partition {workload.partition}: {new}, the others stay old"


def _proven(pods: Iterable[Pod], now: datetime | None, counts: tuple[int, int]) -> Rollout:
    """Judge pods that are all ready: between two crashes they are as well.

    One that ended and was started again counts only once it has run longer than what it did
    before: for each restart as long as the last run took, at least 30 seconds, at most the ten
    minutes after which the kubelet forgets it too. Until then a single restart is a rollout on
    its way, and so is one after a long run; several after short ones are a trouble.
    """
    unproven = [
        (pod, container, container.ended_before)
        for pod in pods
        for container in pod.containers
        if now is not None and not _has_held(container, now)
    ]
    if not unproven:
        return Rollout(Phase.COMPLETE, counts=counts)
    pod, container, ended = max(unproven, key=lambda found: found[1].restarts)
    said = _restarts(container, ended)
    if ended is None or container.restarts < 2 or (ended.ran or 0.0) >= _STEADY:
        code = f", last exit code {ended.exit_code}" if ended is not None else ""
        return Rollout(Phase.PROGRESSING, f"{said}{code}", None, counts)
    trouble = Trouble(
        "Restarting",
        said,
        pod.name,
        container.name,
        exit_code=ended.exit_code,
        restarts=container.restarts,
    )
    return Rollout(Phase.PROGRESSING, said, trouble, counts)


def _has_held(container: PodContainer, now: datetime) -> bool:
    ended, since = container.ended_before, container.started_at
    if ended is None or since is None or not container.restarts:
        return True
    needed = min(max(container.restarts * (ended.ran or 0.0), _PROOF), _STEADY)
    return (now - since).total_seconds() >= needed


def _restarts(container: PodContainer, ended: Ended | None) -> str:
    # The time of day, not how long ago: what only grows older is no news.
    times = "once" if container.restarts == 1 else f"{container.restarts} times"
    last = f", last at {container.started_at:%Y-%m-%d %H:%M:%S %Z}" if container.started_at else ""
    ran = f" after {ended.ran:.0f} s" if ended is not None and ended.ran is not None else ""
    return f"{container.name} restarted {times}{last}{ran}"


def _deadline_exceeded(workload: Workload, now: datetime | None) -> str | None:
    """Return what the status says of an exceeded deadline, if that is about this template.

    Going back to a ReplicaSet that exists leaves the condition of the rollout before until a
    count rises. A rollout cannot have exceeded its deadline before it had so much time.
    """
    found = workload.condition("Progressing")
    if found is None or found.reason != "ProgressDeadlineExceeded":
        return None
    if workload.template_at is None or found.updated_at is None:
        return found.message
    needs, since = timedelta(seconds=workload.deadline), workload.template_at
    is_old = found.updated_at - since < needs and (now is None or now - since < needs)
    return None if is_old else found.message


def _halted(workload: Workload) -> str | None:
    counts = workload.counts
    if counts.updated >= counts.wanted:
        return None
    if workload.paused:
        return f"paused; `kubectl rollout resume {workload.resource} -n {workload.namespace}`"
    if workload.on_delete:
        old = counts.wanted - counts.updated
        return f"updates OnDelete: {old} pods stay old until somebody deletes them"
    if workload.partition >= counts.wanted:
        return f"partition {workload.partition}: all pods stay old"
    return None


def _suspicion(workload: Workload, pods: Iterable[Pod]) -> Trouble | None:
    """Return what may be wrong where pods are lacking: only a Deployment's status has a quota."""
    if workload.kind is Kind.DEPLOYMENT or workload.counts.existing >= workload.counts.wanted:
        return None
    newest = max((pod.created_at for pod in pods if pod.created_at is not None), default=None)
    return Trouble("FailedCreate", maker=(workload.kind, workload.name), since=newest)


def _distance(workload: Workload) -> str:
    counts = workload.counts
    new = counts.wanted - workload.partition
    if counts.updated < new:
        return f"{counts.updated} of {new} updated"
    if counts.existing > counts.updated and not workload.partition:
        left = counts.existing - counts.updated
        return f"{left} old {'pod is' if left == 1 else 'pods are'} ending"
    return f"{min(counts.available, counts.ready)} of {counts.wanted} available"


def _judge_cronjob(workload: Workload, pods: Collection[Pod], jobs: Sequence[Job]) -> Rollout:
    """Judge a CronJob by the last job that ran the template's images; none yet is no failure."""
    last = last_job(jobs)
    pods = [pod for pod in pods if last is not None and pod.owner_name == last.name]
    if last is None or {c.image for c in last.containers} != {c.image for c in workload.containers}:
        return Rollout(Phase.COMPLETE)
    if last.failed is not None:
        failed = worst_of(pod_troubles(pods)) or Trouble(last.failed.reason, last.failed.message)
        return Rollout(Phase.FAILED, f"job {last.name} failed", failed)
    trouble = None if last.succeeded else worst_of(pod_troubles(pods))
    if trouble is not None and trouble.final:
        return Rollout(Phase.FAILED, f"job {last.name} cannot start", trouble)
    return Rollout(Phase.COMPLETE, trouble=trouble)


def last_job(jobs: Iterable[Job]) -> Job | None:
    """Return the newest of a CronJob's jobs."""
    return max(jobs, key=lambda job: (job.created_at or _EPOCH, job.name), default=None)


def trouble_of(workload: Workload, pods: Collection[Pod]) -> Trouble | None:
    """Return what best explains why the newest template's pods do not run."""
    failure = workload.condition("ReplicaFailure")
    if failure is not None and failure.status:
        return Trouble(failure.reason or "FailedCreate", failure.message)
    return worst_of(pod_troubles(newest_pods(workload, pods))) or _blocking(workload, pods)


def _blocking(workload: Workload, pods: Iterable[Pod]) -> Trouble | None:
    """Return the trouble of an older pod for which an ordered StatefulSet waits.

    It replaces no pod before all run (Kubernetes' documentation, "Forced rollback"), so neither a
    better version nor time helps.
    """
    if not workload.ordered or not workload.update_revision:
        return None
    older = [p for p in pods if not p.deleting and p.revision != workload.update_revision]
    found = worst_of(pod_troubles(older))
    if found is None or workload.partition:  # below a partition pods are to stay old
        return found
    what = f"{found.message}; " if found.message else ""
    why = f"{found.pod} is of an older version, and the newer waits until it runs or is deleted"
    return found._replace(message=what + why, blocks=True)


def newest_pods(workload: Workload, pods: Collection[Pod]) -> tuple[Pod, ...]:
    """Return the pods of the workload's newest template.

    The update revision names them where the status has one; else they have the template's
    images, and of several such generations the youngest counts.
    """
    alive = [pod for pod in pods if not pod.deleting]
    # A pod that has ended, as one that was evicted, is replaced and stays for people to look at.
    alive = [pod for pod in alive if not pod.is_over] or alive
    if workload.kind is Kind.STATEFULSET and workload.update_revision:
        return tuple(pod for pod in alive if pod.revision == workload.update_revision)
    images = {c.name: c.image for c in workload.containers}
    fitting = [
        pod for pod in alive if all(images.get(c.name, c.image) == c.image for c in pod.containers)
    ]
    if not fitting and workload.counts.updated:
        # Admission rewrites the pods' images. Without a new pod, those of before are no newer ones:
        # what ails them is no fault of a template whose pods are still to be made.
        fitting = alive
    youngest = max(fitting, key=lambda pod: pod.created_at or _EPOCH, default=None)
    return tuple(p for p in alive if youngest is not None and p.revision == youngest.revision)


def leaving(workload: Workload, pods: Collection[Pod]) -> tuple[Pod, ...]:
    """Return the pods that a rollout replaces and that are still there, such as those that end.

    Pods that have ended and stay for people to look at are not waited for, nor those that a
    partition holds back. A CronJob replaces none.
    """
    if workload.kind is Kind.CRONJOB:
        return ()
    new = newest_pods(workload, pods)
    return tuple(
        pod for pod in pods if pod.deleting or not (pod in new or pod.is_over or workload.partition)
    )
