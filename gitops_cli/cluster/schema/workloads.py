"""Workloads: what is wanted of them, and how they are."""

from __future__ import annotations

from typing import Any

from gitops_cli.cluster.schema.common import (
    Condition,
    Count,
    ManagedEntry,
    Name,
    Number,
    OwnAnnotations,
    Owner,
    PodTemplate,
    Read,
    Time,
)


class WorkloadMeta(Read):
    """What a workload says of itself."""

    name: Name
    namespace: Name
    uid: str = ""
    generation: Number = 0
    deletion_timestamp: Time | None = None
    annotations: OwnAnnotations | None = None
    owner_references: list[Owner] | None = None
    managed_fields: list[ManagedEntry] | None = None


class RollingUpdate(Read):
    """How a StatefulSet is updated."""

    partition: Count | None = None


class UpdateStrategy(Read):
    """How a StatefulSet or a DaemonSet is updated."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(Read):
    """What is wanted of a Deployment, StatefulSet or DaemonSet."""

    template: PodTemplate
    replicas: Count = 1
    update_strategy: UpdateStrategy | None = None
    pod_management_policy: str = ""
    paused: bool = False
    progress_deadline_seconds: Count | None = None


class WorkloadStatus(Read):
    """How a workload is: a DaemonSet counts in words of its own."""

    observed_generation: Number = 0
    replicas: Count = 0
    updated_replicas: Count = 0
    ready_replicas: Count = 0
    available_replicas: Count = 0
    desired_number_scheduled: Count = 0
    current_number_scheduled: Count = 0
    updated_number_scheduled: Count = 0
    number_ready: Count = 0
    number_available: Count = 0
    update_revision: str | None = None
    conditions: list[Condition] | None = None


class Workload(Read):
    """A Deployment, StatefulSet or DaemonSet."""

    metadata: WorkloadMeta
    spec: WorkloadSpec
    status: WorkloadStatus | None = None


class WorkloadRef(Read):
    """The workload whose template the pods of a Rollout are made from."""

    kind: str = ""
    name: Name = ""


class Pause(Read):
    """How long a step of a canary stops; for ever without a duration."""

    duration: Any = None


class Step(Read):
    """A step of a canary."""

    pause: Pause | None = None


class Canary(Read):
    """A strategy of steps."""

    steps: list[Step] | None = None


class BlueGreen(Read):
    """A strategy of two stacks; the new one is promoted by itself after so many seconds, if any."""

    auto_promotion_seconds: Count | None = None


class Strategy(Read):
    """How a Rollout gets from one version to the next."""

    canary: Canary | None = None
    blue_green: BlueGreen | None = None


class RolloutSpec(Read):
    """What is wanted of a Rollout; without a template it takes another workload's."""

    template: PodTemplate | None = None
    workload_ref: WorkloadRef | None = None
    replicas: Count | None = None
    paused: bool = False
    strategy: Strategy | None = None


class PauseCondition(Read):
    """Why a Rollout stops."""

    reason: str = ""


class RolloutStatus(Read):
    """How a Rollout is, as its controller judges it."""

    observed_generation: str | Number = 0
    replicas: Count = 0
    updated_replicas: Count = 0
    ready_replicas: Count = 0
    available_replicas: Count = 0
    phase: str = ""
    message: str = ""
    current_step_index: Count | None = None
    controller_pause: bool = False
    pause_conditions: list[PauseCondition] | None = None
    conditions: list[Condition] | None = None


class Rollout(Read):
    """A Rollout of Argo Rollouts."""

    metadata: WorkloadMeta
    spec: RolloutSpec
    status: RolloutStatus | None = None


class JobSpec(Read):
    """What a Job runs."""

    template: PodTemplate


class JobTemplate(Read):
    """The Jobs that a CronJob makes."""

    spec: JobSpec


class CronJobSpec(Read):
    """What is wanted of a CronJob."""

    job_template: JobTemplate
    suspend: bool | None = None


class CronJob(Read):
    """A CronJob."""

    metadata: WorkloadMeta
    spec: CronJobSpec
