"""The API's objects, read once into domain values. What has the right type but not a value that
Kubernetes would write raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.domain.cluster.workload import (
    ACTOR,
    CHANGE_CAUSE,
    COMMIT,
    COMMIT_TIME,
    VERSION,
    Condition,
    Container,
    Counts,
    Ended,
    Job,
    Pod,
    PodContainer,
    Stated,
    Workload,
)
from gitops_cli.domain.cluster.writers import FIELD_MANAGER
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.stamp import is_told, parse_stamp
from gitops_cli.domain.version import is_digest

_POD_SPEC = "/spec/template/spec"
_JOB_POD_SPEC = "/spec/jobTemplate/spec/template/spec"
_DIGITS = 20  # of a generation
_NOTHING_KNOWN = schema.WorkloadStatus()
_OWNED = Decoder(schema.Owned)
_WRITTEN = Decoder(schema.WrittenFields)
_KEY = Decoder(schema.ContainerKey)


AnyWorkload = schema.Workload | schema.CronJob | schema.Rollout


def workload(kind: Kind, item: AnyWorkload) -> Workload:
    """Read a Deployment, StatefulSet, DaemonSet, CronJob or Rollout."""
    found = _workload(kind, item)
    return found if item.metadata.deletion_timestamp is None else found._replace(ending=True)


def _workload(kind: Kind, item: AnyWorkload) -> Workload:
    if isinstance(item, schema.Rollout):
        return _rollout(item)
    metadata = item.metadata
    space, name = EnvironmentName(metadata.namespace), ServiceName(metadata.name)
    annotations = _annotations(metadata.annotations)
    ours = _our_images(metadata.managed_fields or ())
    if isinstance(item, schema.CronJob):
        containers = _containers(item.spec.job_template.spec.template.spec, _JOB_POD_SPEC)
        return Workload(
            kind,
            space,
            name,
            containers,
            uid=metadata.uid,
            generation=metadata.generation,
            annotations=annotations,
            paused=bool(item.spec.suspend),
            ours=ours,
            owner=_owner(metadata),
        )
    spec, status = item.spec, item.status or _NOTHING_KNOWN
    conditions = _conditions(status.conditions)
    late = any(c.reason == "ProgressDeadlineExceeded" for c in conditions)
    strategy = spec.update_strategy
    rolling = None if strategy is None else strategy.rolling_update
    return Workload(
        kind,
        space,
        name,
        _containers(spec.template.spec, _POD_SPEC),
        uid=metadata.uid,
        generation=metadata.generation,
        observed_generation=status.observed_generation,
        annotations=annotations,
        counts=_counts(kind, spec, status),
        conditions=conditions,
        update_revision=status.update_revision,
        on_delete=strategy is not None and strategy.type == "OnDelete",
        partition=0 if rolling is None else rolling.partition or 0,
        ordered=kind is Kind.STATEFULSET and spec.pod_management_policy != "Parallel",
        paused=spec.paused,
        ours=ours,
        template_at=_template_written_at(metadata.managed_fields or ()) if late else None,
        deadline=spec.progress_deadline_seconds or 0,
        owner=_owner(metadata),
    )


def _rollout(item: schema.Rollout) -> Workload:
    metadata, spec, status = item.metadata, item.spec, item.status or schema.RolloutStatus()
    template = spec.template.spec if spec.template is not None else schema.PodSpec()
    reference = spec.workload_ref
    return Workload(
        Kind.ROLLOUT,
        EnvironmentName(metadata.namespace),
        ServiceName(metadata.name),
        _containers(template, _POD_SPEC),
        uid=metadata.uid,
        generation=metadata.generation,
        observed_generation=_observed_generation(status, metadata),
        annotations=_annotations(metadata.annotations),
        counts=Counts(
            1 if spec.replicas is None else spec.replicas,
            status.replicas,
            status.updated_replicas,
            status.ready_replicas,
            status.available_replicas,
        ),
        conditions=_conditions(status.conditions),
        paused=spec.paused,
        ours=_our_images(metadata.managed_fields or ()),
        owner=_owner(metadata),
        pods_from=None if reference is None else f"{reference.kind} {reference.name}",
        stated=_stated(spec, status),
    )


def _observed_generation(status: schema.RolloutStatus, metadata: schema.WorkloadMeta) -> int:
    # A Rollout has it as a text; before Argo Rollouts 1.0 it was a hash, which tells nothing.
    seen = status.observed_generation
    if isinstance(seen, int):
        return seen
    return int(seen) if seen.isdecimal() and len(seen) < _DIGITS else metadata.generation


def _stated(spec: schema.RolloutSpec, status: schema.RolloutStatus) -> Stated:
    pauses = [pause.reason for pause in status.pause_conditions or ()]
    strategy = spec.strategy or schema.Strategy()
    steps = () if strategy.canary is None else strategy.canary.steps or ()
    index = status.current_step_index
    message = status.message or ", ".join(pauses)
    if status.phase == "Paused" and status.controller_pause and not (pauses or spec.paused):
        return Stated(status.phase, "promoted, and its controller has not seen it yet", True)
    ends = False
    if pauses and index is not None and index < len(steps):
        message = f"{message}, step {index + 1} of {len(steps)}"
        pause = steps[index].pause
        ends = pause is not None and pause.duration is not None
    promotes = strategy.blue_green is not None and strategy.blue_green.auto_promotion_seconds
    by_itself = (ends and pauses == ["CanaryPauseStep"]) or (
        bool(promotes) and pauses == ["BlueGreenPause"]
    )
    return Stated(status.phase, message, by_itself and not spec.paused)


def _owner(metadata: schema.WorkloadMeta) -> str | None:
    owner = _controller(metadata.owner_references)
    return None if owner is None else f"{owner.kind} {owner.name}"


def _annotations(found: schema.OwnAnnotations | None) -> dict[str, str] | None:
    if found is None:
        return None
    ours = {
        CHANGE_CAUSE: found.change_cause,
        COMMIT: found.commit,
        COMMIT_TIME: found.commit_time,
        ACTOR: found.actor,
        VERSION: found.version,
    }
    return {key: value for key, value in ours.items() if value is not None}


def _our_images(managed: Iterable[schema.ManagedEntry]) -> frozenset[str]:
    """Return the names of the containers whose image is ours, by an object's managedFields."""
    mine = [_OWNED.decode(entry.fields) for entry in managed if entry.manager == FIELD_MANAGER]
    return frozenset(
        _KEY.decode(key[2:]).name
        for owned in mine
        for containers in _owned_containers(owned)
        for key, container in containers.items()
        if container.has_image and key.startswith("k:")
    )


def _template_written_at(managed: Iterable[schema.ManagedEntry]) -> datetime | None:
    """Return when a pod template was last written by anybody, by the object's managedFields."""
    times = [
        parse_stamp(entry.time)
        for entry in managed
        if not entry.subresource and _WRITTEN.decode(entry.fields).has_template
    ]
    return max((at for at in times if at is not None), default=None)


def _owned_containers(owned: schema.Owned) -> Iterator[Mapping[str, schema.OwnedContainer]]:
    spec = owned.spec or schema.OwnedSpec()
    job = (spec.job_template or schema.OwnedJobTemplate()).spec or schema.OwnedJobSpec()
    for template in (spec.template, job.template):
        pods = None if template is None else template.spec
        if pods is not None:
            yield from (pods.containers, pods.init_containers)


def _containers(pod_spec: schema.PodSpec, pointer: str) -> tuple[Container, ...]:
    return tuple(
        Container(item.name, item.image, f"{pointer}/{field}/{index}", init)
        for field, listed, init in (
            ("initContainers", pod_spec.init_containers, True),
            ("containers", pod_spec.containers, False),
        )
        for index, item in enumerate(listed or ())
    )


def _counts(kind: Kind, spec: schema.WorkloadSpec, status: schema.WorkloadStatus) -> Counts:
    if kind is Kind.DAEMONSET:
        return Counts(
            status.desired_number_scheduled,
            status.current_number_scheduled,
            status.updated_number_scheduled,
            status.number_ready,
            status.number_available,
        )
    return Counts(
        spec.replicas,
        status.replicas,
        status.updated_replicas,
        status.ready_replicas,
        status.available_replicas,
    )


def _conditions(found: Sequence[schema.Condition] | None) -> tuple[Condition, ...]:
    return tuple(
        Condition(c.type, c.status == "True", c.reason, c.message, _time(c.last_update_time))
        for c in found or ()
    )


def pod(item: schema.Pod) -> Pod:
    metadata, status = item.metadata, item.status or schema.PodStatus()
    labels = metadata.labels or schema.PodLabels()
    kind, maker = _maker(metadata, labels)
    conditions = _conditions(status.conditions)
    scheduled = next((c for c in conditions if c.type == "PodScheduled"), None)
    unschedulable = (
        scheduled.message
        if scheduled is not None and not scheduled.status and scheduled.reason == "Unschedulable"
        else None
    )
    return Pod(
        metadata.name,
        kind,
        maker,
        labels.rollout_hash or labels.template_hash or labels.revision_hash,
        _time(metadata.creation_timestamp),
        status.phase,
        tuple(_pod_containers(item.spec, status)),
        ready=any(c.type == "Ready" and c.status for c in conditions),
        deleting=metadata.deletion_timestamp is not None,
        unschedulable=unschedulable,
        reason=status.reason,
        message=status.message,
    )


def _maker(metadata: schema.PodMeta, labels: schema.PodLabels) -> tuple[str, str]:
    """Return who made a pod; of a Rollout's ReplicaSet the Rollout, after which it is named."""
    owner = _controller(metadata.owner_references)
    if owner is None:
        return "", ""
    if labels.rollout_hash:
        return Kind.ROLLOUT.value, owner.name.removesuffix(f"-{labels.rollout_hash}")
    return owner.kind, owner.name


def _controller(owners: Iterable[schema.Owner] | None) -> schema.Owner | None:
    return next((owner for owner in owners or () if owner.controller), None)


def _pod_containers(spec: schema.PodSpec, status: schema.PodStatus) -> Iterator[PodContainer]:
    for containers, statuses, init in (
        (spec.init_containers, status.init_container_statuses, True),
        (spec.containers, status.container_statuses, False),
    ):
        known: Mapping[str, schema.ContainerStatus] = {each.name: each for each in statuses or ()}
        for container in containers or ():
            yield _pod_container(container, known.get(container.name), init)


def _pod_container(
    container: schema.Container, status: schema.ContainerStatus | None, init: bool
) -> PodContainer:
    if status is None:
        return PodContainer(container.name, container.image, init=init)
    state = status.state or schema.ContainerState()
    waiting = state.waiting or schema.Waiting()
    before = status.last_state
    return PodContainer(
        container.name,
        container.image,
        _digest(status.image_id),
        init,
        running=state.running is not None,
        ready=status.ready,
        restarts=status.restart_count,
        waiting=waiting.reason,
        message=waiting.message,
        ended=_ended(state.terminated),
        ended_before=None if before is None else _ended(before.terminated),
        started_at=None if state.running is None else _time(state.running.started_at),
    )


def _ended(ended: schema.Terminated | None) -> Ended | None:
    if ended is None:
        return None
    began, finished = _time(ended.started_at), _time(ended.finished_at)
    return Ended(
        ended.exit_code,
        ended.reason,
        ended.message,
        None if began is None or finished is None else (finished - began).total_seconds(),
    )


def _digest(image_id: str) -> str | None:
    # `docker.io/r/web@sha256:…`, `docker-pullable://…`, or a bare id, which is no registry's.
    _, at, digest = image_id.rpartition("@")
    return digest if at and is_digest(digest) else None


def job(item: schema.Job) -> Job:
    metadata = item.metadata
    found = None if item.status is None else item.status.conditions
    conditions = {c.type: c for c in _conditions(found) if c.status}
    owner = _controller(metadata.owner_references)
    return Job(
        metadata.name,
        "" if owner is None else owner.name,
        _time(metadata.creation_timestamp),
        _containers(item.spec.template.spec, _POD_SPEC),
        succeeded="Complete" in conditions,
        failed=conditions.get("Failed"),
    )


def _time(moment: datetime | None) -> datetime | None:
    if moment is not None and not is_told(moment):  # msgspec saw to the zone
        raise ValueError(f"the time {moment.isoformat()} is out of range")
    return moment
