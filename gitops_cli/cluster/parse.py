"""The API's JSON, read once into domain values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gitops_cli.domain.cluster.workload import (
    OUR_ANNOTATIONS,
    Condition,
    Container,
    Counts,
    Ended,
    Job,
    Pod,
    PodContainer,
    Workload,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.version import is_digest

FIELD_MANAGER = "gitops"
_ENTRY = b'{"manager":'
_OUR_ENTRY = b'"gitops",'
_POD_SPEC = "/spec/template/spec"
_JOB_POD_SPEC = "/spec/jobTemplate/spec/template/spec"
_FIELDS_BEGIN = b'"managedFields":['
_FIELDS_END = b']},"spec":{'


def parse_list(body: bytes) -> Any:
    """Decode a LIST's answer, leaving each managedFields as the bytes it is.

    They are half of an answer, and little of them is used. kube-apiserver writes them last in
    `metadata`, before `spec`, and no string or key inside can look like that end: quotes in
    strings are escaped, and their keys begin with `f:`, `k:` or `v:`. An answer that is written
    in another way is decoded whole.
    """
    short, cut = _without_managed_fields(body)
    try:
        answer = json.loads(short)
        for item, fields in zip(answer["items"] if cut else (), cut, strict=True):
            if item["metadata"]["managedFields"] != []:
                raise ValueError("another order than expected")
            item["metadata"]["managedFields"] = fields
    except (ValueError, KeyError, TypeError):
        return json.loads(body)
    return answer


def _without_managed_fields(body: bytes) -> tuple[bytes, list[bytes]]:
    kept: list[bytes] = []
    cut: list[bytes] = []
    position = 0
    while (begin := body.find(_FIELDS_BEGIN, position)) >= 0:
        begin += len(_FIELDS_BEGIN)
        end = body.find(_FIELDS_END, begin)
        if end < 0:
            break
        kept.append(body[position:begin])
        cut.append(body[begin:end])
        position = end
    return b"".join([*kept, body[position:]]), cut


def _our_images(managed: object) -> frozenset[str]:
    """Return the names of the containers whose image is ours, by an object's managedFields."""
    if isinstance(managed, bytes):
        pieces = managed.split(_ENTRY)
        ours = (piece for piece in pieces if piece.startswith(_OUR_ENTRY))
        managed = [json.loads(_ENTRY + piece.rstrip(b",")) for piece in ours]
    entries = managed if isinstance(managed, list) else []
    mine = [e.get("fieldsV1") or {} for e in entries if e.get("manager") == FIELD_MANAGER]
    return frozenset(name for fields in mine for name in _image_owners(fields))


def _template_written_at(managed: object) -> datetime | None:
    """Return when a pod template was last written by anybody, by the object's managedFields."""
    entries = json.loads(b"[%s]" % managed) if isinstance(managed, bytes) else managed
    times = [
        _time(entry.get("time"))
        for entry in (entries if isinstance(entries, list) else ())
        if "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        and not entry.get("subresource")
    ]
    return max((at for at in times if at is not None), default=None)


def _image_owners(fields: Mapping[str, Any]) -> Iterable[str]:
    for key, below in fields.items():
        if isinstance(below, dict) and below:
            if key.startswith('k:{"name":') and "f:image" in below:
                yield str(json.loads(key[2:])["name"])
            yield from _image_owners(below)


def workload(kind: Kind, item: Mapping[str, Any]) -> Workload:
    """Read a Deployment, StatefulSet, DaemonSet or CronJob."""
    metadata, spec = item["metadata"], item["spec"]
    status = item.get("status") or {}
    annotations = metadata.get("annotations")
    if kind is Kind.CRONJOB:
        pod_spec, pointer = spec["jobTemplate"]["spec"]["template"]["spec"], _JOB_POD_SPEC
    else:
        pod_spec, pointer = spec["template"]["spec"], _POD_SPEC
    strategy = spec.get("updateStrategy") or {}
    conditions = _conditions(status)
    late = any(c.reason == "ProgressDeadlineExceeded" for c in conditions)
    return Workload(
        kind,
        EnvironmentName(metadata["namespace"]),
        ServiceName(metadata["name"]),
        _containers(pod_spec, pointer),
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        annotations=None
        if annotations is None
        else {key: annotations[key] for key in OUR_ANNOTATIONS if key in annotations},
        counts=_counts(kind, spec, status),
        conditions=conditions,
        update_revision=status.get("updateRevision"),
        on_delete=strategy.get("type") == "OnDelete",
        partition=(strategy.get("rollingUpdate") or {}).get("partition") or 0,
        ordered=kind is Kind.STATEFULSET and spec.get("podManagementPolicy") != "Parallel",
        paused=bool(spec.get("paused")),
        ours=_our_images(metadata.get("managedFields")),
        template_at=_template_written_at(metadata.get("managedFields")) if late else None,
        deadline=spec.get("progressDeadlineSeconds") or 0,
    )


def _containers(pod_spec: Mapping[str, Any], pointer: str) -> tuple[Container, ...]:
    return tuple(
        Container(item["name"], item.get("image", ""), f"{pointer}/{field}/{index}", init)
        for field, init in (("initContainers", True), ("containers", False))
        for index, item in enumerate(pod_spec.get(field) or ())
    )


def _counts(kind: Kind, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Counts:
    count = status.get
    if kind is Kind.DAEMONSET:
        return Counts(
            count("desiredNumberScheduled", 0),
            count("currentNumberScheduled", 0),
            count("updatedNumberScheduled", 0),
            count("numberReady", 0),
            count("numberAvailable", 0),
        )
    return Counts(
        spec.get("replicas", 1) if kind is not Kind.CRONJOB else 0,
        count("replicas", 0),
        count("updatedReplicas", 0),
        count("readyReplicas", 0),
        count("availableReplicas", 0),
    )


def _conditions(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            c.get("type", ""),
            c.get("status") == "True",
            c.get("reason", ""),
            c.get("message", ""),
            _time(c.get("lastUpdateTime")),
        )
        for c in status.get("conditions") or ()
    )


def pod(item: Mapping[str, Any]) -> Pod:
    """Read a Pod."""
    metadata, spec = item["metadata"], item["spec"]
    status = item.get("status") or {}
    labels = metadata.get("labels") or {}
    owner = _controller(metadata)
    conditions = _conditions(status)
    scheduled = next((c for c in conditions if c.type == "PodScheduled"), None)
    unschedulable = (
        scheduled.message
        if scheduled is not None and not scheduled.status and scheduled.reason == "Unschedulable"
        else None
    )
    return Pod(
        metadata["name"],
        owner.get("kind", ""),
        owner.get("name", ""),
        labels.get("pod-template-hash") or labels.get("controller-revision-hash") or "",
        _time(metadata.get("creationTimestamp")),
        status.get("phase", ""),
        tuple(_pod_containers(spec, status)),
        ready=any(c.type == "Ready" and c.status for c in conditions),
        deleting="deletionTimestamp" in metadata,
        unschedulable=unschedulable,
        reason=status.get("reason", ""),
        message=status.get("message", ""),
    )


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    owners = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def _pod_containers(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Iterable[PodContainer]:
    for field, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        known = {item["name"]: item for item in status.get(statuses) or ()}
        for container in spec.get(field) or ():
            yield _pod_container(container, known.get(container["name"], {}), init)


def _pod_container(
    container: Mapping[str, Any], status: Mapping[str, Any], init: bool
) -> PodContainer:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    return PodContainer(
        container["name"],
        container.get("image", ""),
        _digest(status.get("imageID") or ""),
        init,
        running="running" in state,
        ready=bool(status.get("ready")),
        restarts=status.get("restartCount", 0),
        waiting=waiting.get("reason"),
        message=waiting.get("message", ""),
        ended=_ended(state),
        ended_before=_ended(status.get("lastState") or {}),
        started_at=_time((state.get("running") or {}).get("startedAt")),
    )


def _ended(state: Mapping[str, Any]) -> Ended | None:
    ended = state.get("terminated")
    if not ended:
        return None
    began, finished = _time(ended.get("startedAt")), _time(ended.get("finishedAt"))
    return Ended(
        ended.get("exitCode", 0),
        ended.get("reason", ""),
        ended.get("message", ""),
        None if began is None or finished is None else (finished - began).total_seconds(),
    )


def _digest(image_id: str) -> str | None:
    # `docker.io/r/web@sha256:…`, `docker-pullable://…`, or a bare id, which is no registry's.
    _, at, digest = image_id.rpartition("@")
    return digest if at and is_digest(digest) else None


def job(item: Mapping[str, Any]) -> Job:
    """Read a Job."""
    metadata, status = item["metadata"], item.get("status") or {}
    conditions = {c.type: c for c in _conditions(status) if c.status}
    return Job(
        metadata["name"],
        _controller(metadata).get("name", ""),
        _time(metadata.get("creationTimestamp")),
        _containers(item["spec"]["template"]["spec"], _POD_SPEC),
        succeeded="Complete" in conditions,
        failed=conditions.get("Failed"),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
