"""Pods and Jobs."""

from __future__ import annotations

from msgspec import field

from gitops_cli.cluster.schema.common import (
    Condition,
    Count,
    Name,
    Number,
    Owner,
    PodSpec,
    Read,
    Time,
)
from gitops_cli.cluster.schema.workloads import JobSpec


class PodLabels(Read):
    """Which template a pod is of."""

    template_hash: str = field(name="pod-template-hash", default="")
    rollout_hash: str = field(name="rollouts-pod-template-hash", default="")
    revision_hash: str = field(name="controller-revision-hash", default="")


class PodMeta(Read):
    """What a pod or a Job says of itself."""

    name: Name
    labels: PodLabels | None = None
    owner_references: list[Owner] | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None


class Waiting(Read):
    """Why a container does not run yet."""

    reason: str | None = None
    message: str = ""


class Running(Read):
    """Since when a container runs."""

    started_at: Time | None = None


class Terminated(Read):
    """How a container ended."""

    exit_code: Number = 0
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None


class ContainerState(Read):
    """One of three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Read):
    """What a node says of a container."""

    name: Name
    image_id: str = field(name="imageID", default="")
    ready: bool = False
    restart_count: Count = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(Read):
    """What is known of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Read):
    """A Pod."""

    metadata: PodMeta
    spec: PodSpec
    status: PodStatus | None = None


class JobStatus(Read):
    """How a Job is."""

    conditions: list[Condition] | None = None


class Job(Read):
    """A Job."""

    metadata: PodMeta
    spec: JobSpec
    status: JobStatus | None = None
