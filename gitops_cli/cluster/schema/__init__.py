"""The fields that are read of the API's objects, and their types: what else comes is skipped.

Decoding into these is the one place where a server's JSON becomes values. Where a type differs
from what Kubernetes promises, nothing of the object is used: `decoding` says which field it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Raw
from msgspec.json import Decoder

from gitops_cli.cluster.schema.answers import (
    Event,
    Identified,
    Namespace,
    Review,
    RulesReview,
    Status,
    TokenRequest,
    Version,
    Versioned,
    WatchEvent,
)
from gitops_cli.cluster.schema.common import (
    Condition,
    Container,
    ListOf,
    ManagedEntry,
    OwnAnnotations,
    Owner,
    PodSpec,
)
from gitops_cli.cluster.schema.manifests import (
    ConfigMap,
    Definition,
    Deployed,
    FreelyNamed,
    Groups,
    Held,
    HeldEntry,
    HeldMeta,
    Manifest,
    Role,
    RoleBinding,
    ScheduledProcess,
    Secret,
    Service,
)
from gitops_cli.cluster.schema.ownership import (
    ContainerKey,
    Owned,
    OwnedContainer,
    OwnedJobSpec,
    OwnedJobTemplate,
    OwnedSpec,
    WrittenFields,
)
from gitops_cli.cluster.schema.pods import (
    ContainerState,
    ContainerStatus,
    Job,
    Pod,
    PodLabels,
    PodMeta,
    PodStatus,
    Terminated,
    Waiting,
)
from gitops_cli.cluster.schema.workloads import (
    CronJob,
    Rollout,
    RolloutSpec,
    RolloutStatus,
    Strategy,
    Workload,
    WorkloadMeta,
    WorkloadSpec,
    WorkloadStatus,
)

__all__ = [
    "ITEMS",
    "JOB",
    "JOBS",
    "LISTS",
    "MANIFESTS",
    "NAMESPACE",
    "POD",
    "PODS",
    "STATUS",
    "VERSIONED",
    "WATCH_EVENT",
    "WORKLOAD",
    "WORKLOADS",
    "Condition",
    "ConfigMap",
    "Container",
    "ContainerKey",
    "ContainerState",
    "ContainerStatus",
    "CronJob",
    "Definition",
    "Deployed",
    "Event",
    "FreelyNamed",
    "Groups",
    "Held",
    "HeldEntry",
    "HeldMeta",
    "Identified",
    "Job",
    "ListOf",
    "ManagedEntry",
    "Manifest",
    "OwnAnnotations",
    "Owned",
    "OwnedContainer",
    "OwnedJobSpec",
    "OwnedJobTemplate",
    "OwnedSpec",
    "Owner",
    "Pod",
    "PodLabels",
    "PodMeta",
    "PodSpec",
    "PodStatus",
    "Review",
    "Role",
    "RoleBinding",
    "Rollout",
    "RolloutSpec",
    "RolloutStatus",
    "RulesReview",
    "ScheduledProcess",
    "Secret",
    "Service",
    "Status",
    "Strategy",
    "Terminated",
    "TokenRequest",
    "Version",
    "Waiting",
    "WatchEvent",
    "Workload",
    "WorkloadMeta",
    "WorkloadSpec",
    "WorkloadStatus",
    "WrittenFields",
]

WORKLOAD = Decoder(Workload)
WORKLOADS = Decoder(ListOf[Workload])
ITEMS: Mapping[str, Decoder[Any]] = {"CronJob": Decoder(CronJob), "Rollout": Decoder(Rollout)}
LISTS: Mapping[str, Decoder[Any]] = {
    "CronJob": Decoder(ListOf[CronJob]),
    "Rollout": Decoder(ListOf[Rollout]),
}
NAMESPACE = Decoder(Namespace)
POD = Decoder(Pod)
PODS = Decoder(ListOf[Pod])
JOB = Decoder(Job)
JOBS = Decoder(ListOf[Job])
MANIFESTS = Decoder(ListOf[Raw])
STATUS = Decoder(Status)
VERSIONED = Decoder(Versioned)
WATCH_EVENT = Decoder(WatchEvent)
