"""The fields that are read of the API's objects, and their types: what else comes is skipped.

Decoding into these is the one place where a server's JSON becomes values. Where a type differs
from what Kubernetes promises, nothing of the object is used: `decoding` says which field it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, field
from msgspec.json import Decoder

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# Names get into paths, file names and lines that are pasted into a shell.
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=253)]
Time = Annotated[datetime, Meta(tz=True)]


# msgspec reads the types of the fields, so they are all named above and in order.
class Read(Struct, rename="camel", gc=False):
    """An object of which some fields are read."""


# --- what many have


class ManagedEntry(Read):
    """What one manager owns of an object; whoever may update it may have written any time."""

    manager: str = ""
    subresource: str = ""
    time: str | None = None
    fields: Raw = field(name="fieldsV1", default=Raw())


class OwnAnnotations(Read):
    """Our own annotations of a workload (`domain.cluster.workload.OUR_ANNOTATIONS`)."""

    change_cause: str | None = field(name="kubernetes.io/change-cause", default=None)
    commit: str | None = field(name="gitops-cli/commit", default=None)
    commit_time: str | None = field(name="gitops-cli/commit-time", default=None)
    actor: str | None = field(name="gitops-cli/actor", default=None)
    version: str | None = field(name="gitops-cli/version", default=None)


class Condition(Read):
    """One condition of a status."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_update_time: Time | None = None


class Container(Read):
    """A container of a template or of a pod."""

    name: Name
    image: str = ""


class PodSpec(Read):
    """The containers of a template or of a pod."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class PodTemplate(Read):
    """The pods that an object makes."""

    spec: PodSpec


class Owner(Read):
    """Who made an object."""

    kind: str
    name: str
    controller: bool | None = None


class ListMeta(Read):
    """What a LIST says of itself."""

    following: str | None = field(name="continue", default=None)
    resource_version: str = ""


# --- workloads


class WorkloadMeta(Read):
    """What a workload says of itself."""

    name: Name
    namespace: Name
    uid: str = ""
    generation: Number = 0
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


class WorkloadList(Read):
    """A LIST of them."""

    kind: str
    items: list[Workload] | None
    metadata: ListMeta = field(default_factory=ListMeta)


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


class Strategy(Read):
    """How a Rollout gets from one version to the next."""

    canary: Canary | None = None


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
    pause_conditions: list[PauseCondition] | None = None
    conditions: list[Condition] | None = None


class Rollout(Read):
    """A Rollout of Argo Rollouts."""

    metadata: WorkloadMeta
    spec: RolloutSpec
    status: RolloutStatus | None = None


class RolloutList(Read):
    """A LIST of them."""

    kind: str
    items: list[Rollout] | None
    metadata: ListMeta = field(default_factory=ListMeta)


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


class CronJobList(Read):
    """A LIST of them."""

    kind: str
    items: list[CronJob] | None
    metadata: ListMeta = field(default_factory=ListMeta)


# --- whose an image is


class OwnedContainer(Read):
    """Which fields of a container are owned."""

    image: Any = field(name="f:image", default=UNSET)

    @property
    def has_image(self) -> bool:
        """Tell whether its image is."""
        return self.image is not UNSET


class OwnedPodSpec(Read):
    """Which containers are owned; each by a key that holds its name."""

    containers: dict[str, OwnedContainer] = field(name="f:containers", default_factory=dict)
    init_containers: dict[str, OwnedContainer] = field(
        name="f:initContainers", default_factory=dict
    )


class OwnedTemplate(Read):
    """Which fields of a template are owned."""

    spec: OwnedPodSpec | None = field(name="f:spec", default=None)


class OwnedJobSpec(Read):
    """Which fields of a Job's spec are owned."""

    template: OwnedTemplate | None = field(name="f:template", default=None)


class OwnedJobTemplate(Read):
    """Which fields of a CronJob's template are owned."""

    spec: OwnedJobSpec | None = field(name="f:spec", default=None)


class OwnedSpec(Read):
    """Which fields of a workload's spec are owned."""

    template: OwnedTemplate | None = field(name="f:template", default=None)
    job_template: OwnedJobTemplate | None = field(name="f:jobTemplate", default=None)


class Owned(Read):
    """The fields of a workload that one manager owns."""

    spec: OwnedSpec | None = field(name="f:spec", default=None)


class WrittenSpec(Read):
    """Whether a template is owned."""

    template: Any = field(name="f:template", default=UNSET)


class WrittenFields(Read):
    """What one manager of any kind of object has written."""

    spec: WrittenSpec | None = field(name="f:spec", default=None)

    @property
    def has_template(self) -> bool:
        """Tell whether it wrote the pods' template, or some of it."""
        return self.spec is not None and self.spec.template is not UNSET


class ContainerKey(Read):
    """What stands behind `k:` in the key of an owned container."""

    name: Name


# --- pods and jobs


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


class PodList(Read):
    """A LIST of them."""

    kind: str
    items: list[Pod] | None
    metadata: ListMeta = field(default_factory=ListMeta)


class JobStatus(Read):
    """How a Job is."""

    conditions: list[Condition] | None = None


class Job(Read):
    """A Job."""

    metadata: PodMeta
    spec: JobSpec
    status: JobStatus | None = None


class JobList(Read):
    """A LIST of them."""

    kind: str
    items: list[Job] | None
    metadata: ListMeta = field(default_factory=ListMeta)


# --- answers to questions


class EventMeta(Read):
    """When an event was written."""

    creation_timestamp: Time | None = None


class Event(Read):
    """What happened to an object."""

    metadata: EventMeta
    reason: str | None = None
    message: str | None = None
    last_timestamp: Time | None = None
    event_time: Time | None = None


class EventList(Read):
    """A LIST of them."""

    kind: str
    items: list[Event] | None


class Allowed(Read):
    """What the server says of a right."""

    allowed: bool


class Review(Read):
    """A SelfSubjectAccessReview that was answered."""

    status: Allowed


class Token(Read):
    """A token; it is never shown."""

    token: str


class TokenRequest(Read):
    """A TokenRequest that was answered."""

    status: Token


class IdentityMeta(Read):
    """Which object it is."""

    uid: str


class Identified(Read):
    """Any object."""

    metadata: IdentityMeta


class VersionedMeta(Read):
    """Since when it is as it is."""

    resource_version: str = ""


class Versioned(Read):
    """Any object in a watch."""

    metadata: VersionedMeta


class NamespaceStatus(Read):
    """Whether a namespace is being deleted."""

    phase: str = ""


class Namespace(Read):
    """A Namespace."""

    status: NamespaceStatus | None = None


class Version(Read):
    """What a server says of itself."""

    git_version: str


class Status(Read):
    """An error, or that something was done; the objects of other kinds have other fields."""

    kind: str = ""
    status: Any = None
    message: Any = None
    code: Any = None
    details: Any = None

    @property
    def words(self) -> str:
        """Return what it says."""
        return self.message if isinstance(self.message, str) else ""

    @property
    def is_failure(self) -> bool:
        """Tell whether it is an error, whatever the answer's number says."""
        return self.kind == "Status" and self.status == "Failure"


class WatchEvent(Read):
    """One line of a watch."""

    type: str
    object: Raw


# --- whole objects, whose other fields are kept as they are


class Written(Read):
    """Who wrote an object, and when: whoever may update it may have written any text there."""

    manager: str = ""
    time: str | None = None


class ManifestMeta(Read):
    """What every object says of itself."""

    name: Name
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None
    managed_fields: list[Written] | None = None


class Manifest(Read):
    """Any object."""

    metadata: ManifestMeta


class ManifestList(Read):
    """A LIST of them, each as it came."""

    kind: str
    items: list[Raw] | None
    metadata: ListMeta = field(default_factory=ListMeta)


class ServiceSpec(Read):
    """The ports of a Service."""

    ports: list[dict[str, Any]] | None = None


class Service(Manifest):
    """A Service."""

    spec: ServiceSpec | None = None


class Secret(Manifest):
    """A Secret: its data are base64."""

    data: dict[str, bytes] | None = None


class ConfigMap(Manifest):
    """A ConfigMap: its binary data are base64."""

    data: dict[str, str] | None = None
    binary_data: dict[str, bytes] | None = None


class Subject(Read):
    """Who has a Role."""

    namespace: str | None = None


class RoleBinding(Manifest):
    """Who has a Role."""

    subjects: list[Subject] | None = None


class Rule(Read):
    """What a Role permits."""

    resources: list[str] | None = None
    verbs: list[str] | None = None


class Role(Manifest):
    """What its holders may do."""

    rules: list[Rule] | None = None


class Variable(Read):
    """A variable of a container."""

    name: str
    value: str | None = None


class Process(Read):
    """A container, and how it is started."""

    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None


class PullSecret(Read):
    """Where the credentials for an image are."""

    name: Name


class ProcessSpec(Read):
    """A pod's containers, and how they are started."""

    containers: Annotated[list[Process], Meta(min_length=1)]
    image_pull_secrets: list[PullSecret] | None = None


class ProcessTemplate(Read):
    """A pod that is made, with its labels."""

    spec: ProcessSpec
    metadata: dict[str, Any] | None = None


class DeployedSpec(Read):
    """What is wanted of a Deployment."""

    template: ProcessTemplate
    replicas: Count | None = None


class Deployed(Manifest):
    """A Deployment, and how its containers are started."""

    spec: DeployedSpec


class ScheduledJob(Read):
    """What is wanted of a Job."""

    template: ProcessTemplate


class Scheduled(Read):
    """The Jobs that a CronJob makes."""

    spec: ScheduledJob


class ScheduledSpec(Read):
    """What is wanted of a CronJob."""

    job_template: Scheduled
    suspend: bool | None = None


class ScheduledProcess(Manifest):
    """A CronJob, and how its containers are started."""

    spec: ScheduledSpec


WORKLOAD = Decoder(Workload)
WORKLOADS = Decoder(WorkloadList)
ITEMS: Mapping[str, Decoder[Any]] = {"CronJob": Decoder(CronJob), "Rollout": Decoder(Rollout)}
LISTS: Mapping[str, Decoder[Any]] = {
    "CronJob": Decoder(CronJobList),
    "Rollout": Decoder(RolloutList),
}
NAMESPACE = Decoder(Namespace)
POD = Decoder(Pod)
PODS = Decoder(PodList)
JOB = Decoder(Job)
JOBS = Decoder(JobList)
MANIFESTS = Decoder(ManifestList)
STATUS = Decoder(Status)
VERSIONED = Decoder(Versioned)
WATCH_EVENT = Decoder(WatchEvent)
