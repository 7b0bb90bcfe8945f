"""Workloads, pods and jobs as a cluster has them: plain values, read once from its JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.image import ImageRef, parse_image, same_repository
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import parse_version

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

CHANGE_CAUSE = "kubernetes.io/change-cause"
COMMIT = "gitops-cli/commit"
COMMIT_TIME = "gitops-cli/commit-time"
ACTOR = "gitops-cli/actor"
VERSION = "gitops-cli/version"
OUR_ANNOTATIONS = (CHANGE_CAUSE, COMMIT, COMMIT_TIME, ACTOR, VERSION)


class Container(NamedTuple):
    """A container of a workload's template; `pointer` is its place as a JSON pointer."""

    name: str
    image: str
    pointer: str
    init: bool = False


class Condition(NamedTuple):
    """A condition of a workload's status; `updated_at` is None where it has no such time."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""
    updated_at: datetime | None = None


class Counts(NamedTuple):
    """How many pods: wanted, existing, of the newest template, and of all ready and available."""

    wanted: int = 0
    existing: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0


class Stated(NamedTuple):
    """What the controller of a Rollout says of it: its phase, and what explains that.

    `goes_on`: a pause that ends by itself.
    """

    phase: str
    message: str = ""
    goes_on: bool = False


class Workload(NamedTuple):
    """A Deployment, StatefulSet, DaemonSet, CronJob or Rollout (of Argo Rollouts).

    `annotations` holds gitops' own only and is None where the object has none at all, which a JSON
    patch must know. `ours` are the containers whose image was last written by a patch of gitops:
    whoever changes it later owns it then. `ordered`: its pods are replaced one after the other,
    each only when all others run. `template_at` is when its pod template was last written, and
    `deadline` the seconds that a rollout may stand still; both are read where the deadline counts
    as exceeded. `owner` is the object that controls it, as `Kafka shop`. `pods_from`: a Rollout
    whose pods are made from another workload's template. `stated` is a Rollout's own judgement.
    `ending`: it is being deleted, by itself or with its namespace.
    """

    kind: Kind
    namespace: EnvironmentName
    name: ServiceName
    containers: tuple[Container, ...]
    uid: str = ""
    generation: int = 0
    observed_generation: int = 0
    annotations: Mapping[str, str] | None = None
    counts: Counts = Counts()
    conditions: tuple[Condition, ...] = ()
    update_revision: str | None = None
    on_delete: bool = False
    partition: int = 0
    ordered: bool = False
    paused: bool = False
    ours: frozenset[str] = frozenset()
    template_at: datetime | None = None
    deadline: int = 0
    owner: str | None = None
    pods_from: str | None = None
    stated: Stated | None = None
    ending: bool = False

    @property
    def commit(self) -> str | None:
        """Return the state commit that the last sync recorded here."""
        return (self.annotations or {}).get(COMMIT)

    @property
    def resource(self) -> str:
        """Return `deployment/web`, as kubectl takes it."""
        return f"{self.kind.value.lower()}/{self.name}"

    @property
    def silence(self) -> str | None:
        """Return why nothing of it is to run, if that is so."""
        match self.kind:
            case Kind.CRONJOB:
                return "suspended: no job is started" if self.paused else None
            case Kind.DAEMONSET:
                return None if self.counts.wanted else "no node fits: nothing of it runs"
            case _:
                return None if self.counts.wanted else "scaled to 0: nothing of it runs"

    def condition(self, type_: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)


def recorded_image(container: Container, workload: Workload) -> ImageRef:
    """Return the image of a container; with the tag that our patch wrote, if admission took it.

    Policies that resolve tags leave `repository@digest` alone. That stands for the tag as long as
    nobody else has written the image since.
    """
    image = parse_image(container.image)
    if image.tag is not None or image.digest is None or container.name not in workload.ours:
        return image
    version = parse_version((workload.annotations or {}).get(VERSION, ""))
    fits = version is not None and version.digest in (None, image.digest)
    return image._replace(tag=version.tag) if version is not None and fits else image


class Ended(NamedTuple):
    """How a container's process ended; `message` is what it left for Kubernetes.

    `ran` is how many seconds it had run, None where the node does not say.
    """

    exit_code: int
    reason: str = ""
    message: str = ""
    ran: float | None = None


class PodContainer(NamedTuple):
    """A container of a pod: the image it should have, and what the node says of it.

    `digest` is that of the image that was pulled, None before. `started_at` is the start of the
    process that runs now, by the node's clock.
    """

    name: str
    image: str
    digest: str | None = None
    init: bool = False
    running: bool = False
    ready: bool = False
    restarts: int = 0
    waiting: str | None = None
    message: str = ""
    ended: Ended | None = None
    ended_before: Ended | None = None
    started_at: datetime | None = None


class Pod(NamedTuple):
    """A pod. `revision` tells the pods of one template from those of another."""

    name: str
    owner_kind: str
    owner_name: str
    revision: str
    created_at: datetime | None
    phase: str
    containers: tuple[PodContainer, ...]
    ready: bool = False
    deleting: bool = False
    unschedulable: str | None = None
    reason: str = ""
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Tell whether it has run to its end; nothing will be started in it again."""
        return self.phase in ("Failed", "Succeeded")


class Job(NamedTuple):
    """One run of a CronJob."""

    name: str
    owner_name: str
    created_at: datetime | None
    containers: tuple[Container, ...]
    succeeded: bool = False
    failed: Condition | None = None


class Target(NamedTuple):
    """What to look at in one namespace.

    `names` are the workloads that matter most: a Role may permit no more than to get those.
    """

    namespace: EnvironmentName
    kinds: frozenset[Kind]
    pods: bool = True
    names: frozenset[tuple[Kind, str]] = frozenset()


class Presence(StrEnum):
    """Whether there is a namespace; unknown: not permitted to know."""

    THERE = "there"
    ENDING = "ending"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Observed:
    """What a namespace holds. `pods` and `jobs` are None where they were not or may not be read.

    `errors` has the kinds that could not be read; `notes` what was left out for lack of rights.
    """

    namespace: EnvironmentName
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] | None = None
    jobs: tuple[Job, ...] | None = None
    errors: Mapping[Kind, GitOpsError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def _workloads(self) -> dict[tuple[Kind, str], Workload]:
        return {(w.kind, w.name): w for w in self.workloads}

    @cached_property
    def _jobs(self) -> dict[str, list[Job]]:
        return _grouped(self.jobs or (), lambda job: job.owner_name)

    @cached_property
    def _pods(self) -> dict[tuple[str, str], list[Pod]]:
        return _grouped(self.pods or (), _owner)

    def workload(self, kind: Kind, name: str) -> Workload | None:
        return self._workloads.get((kind, name))

    def pods_of(self, workload: Workload) -> tuple[Pod, ...] | None:
        """Return the pods that belong to a workload; those of a CronJob through its jobs."""
        if self.pods is None:
            return None
        if workload.kind is Kind.CRONJOB:
            jobs = self.jobs_of(workload)
            return tuple(pod for job in jobs for pod in self._pods.get(("Job", job.name), ()))
        return tuple(self._pods.get((workload.kind.value, workload.name), ()))

    def jobs_of(self, workload: Workload) -> tuple[Job, ...]:
        """Return a CronJob's jobs."""
        return tuple(self._jobs.get(workload.name, ()))


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _owner(pod: Pod) -> tuple[str, str]:
    # A ReplicaSet is named after its Deployment and the hash that is its pods' label.
    if pod.owner_kind == "ReplicaSet" and pod.owner_name.endswith(f"-{pod.revision}"):
        return (Kind.DEPLOYMENT.value, pod.owner_name.removesuffix(f"-{pod.revision}"))
    return (pod.owner_kind, pod.owner_name)


class Unclear(NamedTuple):
    """Nothing tells which container gets the image; `reason` lists them."""

    reason: str


def containers_for(
    workload: Workload,
    image: ImageRef,
    *,
    service: str | None = None,
    configured: Collection[str] = (),
) -> tuple[Container, ...] | Unclear:
    """Return the containers that get the service's image (spec, section 2).

    Those, init containers too, whose repository is the image's; else the one named like the
    service (by default the workload's name); else the only one. `configured` are the names in
    gitops.toml and settle it.
    """
    if configured:
        named = _named(workload.containers, *configured)
        missing = sorted(set(configured) - {c.name for c in named})
        if not missing:
            return named
        return Unclear(f"no container `{missing[0]}`; {_listed(workload)}")
    ours = tuple(
        c
        for c in workload.containers
        if same_repository(parse_image(c.image).repository, image.repository)
    )
    if ours:
        return ours
    named = _named(workload.containers, service or workload.name)
    if named:
        return named
    only = tuple(c for c in workload.containers if not c.init)
    return only if len(only) == 1 else Unclear(_listed(workload))


def _named(containers: Collection[Container], *names: str) -> tuple[Container, ...]:
    return tuple(c for c in containers if c.name in names)


def _listed(workload: Workload) -> str:
    if not workload.containers and workload.pods_from is not None:
        return f"its pods are made from {workload.pods_from}: record that instead"
    return "containers: " + ", ".join(c.name for c in workload.containers)
