"""Workloads, pods and jobs as tests write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitops_cli.domain.cluster.pods import RunningImage, running_images
from gitops_cli.domain.cluster.workload import (
    Container,
    Job,
    Observed,
    Pod,
    PodContainer,
    Workload,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

A, B = "a" * 40, "b" * 40
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SPACE, WEB = EnvironmentName("shop"), ServiceName("web")


def workload(
    *images: str, name: str = "web", kind: Kind = Kind.DEPLOYMENT, **more: Any
) -> Workload:
    names = (name, "sidecar", "third")
    containers = tuple(
        Container(names[index], image, f"/{index}") for index, image in enumerate(images)
    )
    return Workload(kind, SPACE, ServiceName(name), containers, **more)


# --- what pods run


def pod(*containers: PodContainer, owner: str = "web-5", **more: Any) -> Pod:
    given = {"phase": "Running"} | more
    kind = given.pop("owner_kind", "ReplicaSet")
    return Pod("p", kind, owner, "5", NOW, given.pop("phase"), containers, **given)


def running(image: str, digest: str | None = "sha256:0", *, name: str = "web") -> PodContainer:
    return PodContainer(name, image, digest, running=True)


def images(*pods: Pod) -> tuple[RunningImage, ...] | None:
    of = workload("r/web:1")
    return running_images(of.containers[0], of, Observed(SPACE, (of,), pods))


def job(name: str, minutes: int, image: str = "r/web:1", *, container: str = "web") -> Job:
    containers = (Container(container, image, "/0"),)
    return Job(name, "web", NOW + timedelta(minutes=minutes), containers)
