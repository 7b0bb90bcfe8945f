"""Manifests of the workloads that tests create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

_API = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "Rollout": "argoproj.io/v1alpha1",
}


def workload(
    kind: str,
    name: str,
    images: str | Mapping[str, str],
    *,
    init: Mapping[str, str] | None = None,
    replicas: int = 1,
    annotations: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Manifest:
    """Return a workload of any kind; its pods have the label app=NAME.

    `images` is the image of the one container, named like the workload, or {container: image};
    `init` the same for init containers. `pod_annotations` tell the fake nodes how the pods fare:
    tests/controlplane/README.md. Everything else goes into the workload's spec as it is.
    """
    labels = {"app": name}
    one_shot = kind in ("CronJob", "Job")
    if isinstance(images, str):
        images = {name: images}
    pod: Manifest = {"containers": _containers(images), "terminationGracePeriodSeconds": 0}
    if init:
        pod["initContainers"] = _containers(init)
    if one_shot:
        pod["restartPolicy"] = "Never"
    template = {
        "metadata": {"labels": labels, "annotations": dict(pod_annotations or {})},
        "spec": pod,
    }
    return {
        "apiVersion": _API[kind],
        "kind": kind,
        "metadata": {"name": name, "labels": labels, "annotations": dict(annotations or {})},
        "spec": _spec(kind, name, template, replicas) | spec,
    }


def deployment(name: str, images: str | Mapping[str, str], **rest: Any) -> Manifest:
    """Return a Deployment, as `workload` does."""
    return workload("Deployment", name, images, **rest)


def _containers(images: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "image": image} for name, image in images.items()]


def _spec(kind: str, name: str, template: Manifest, replicas: int) -> Manifest:
    selector = {"matchLabels": {"app": name}}
    if kind == "Job":
        return {"template": template, "backoffLimit": 0}
    if kind == "CronJob":
        job = {"spec": {"template": template, "backoffLimit": 0}}
        return {"schedule": "0 0 1 1 *", "jobTemplate": job}
    spec: Manifest = {"selector": selector, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return spec
