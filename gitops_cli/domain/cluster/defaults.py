"""What the API server fills in by itself, taken out of an object again.

The values are those of the stable versions of Kubernetes' own kinds (pkg/apis/*/v1/defaults.go of
its source), which never change: an object without them is the same one. What a cluster chooses by
how it is set up, such as a storage class, is no default. What is applied as a whole (claims of a
StatefulSet, rules of a NetworkPolicy, projections, a fieldRef) stays as it is: without a default in
it it is another value to server-side apply, and a conflict with whoever made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = Mapping[str, Any]
"""Field → its default; a Shape for what is below it; a list of one Shape for each of several.

An empty Shape is a default: nothing."""

_HTTP = {"httpGet": {"path": "/", "scheme": "HTTP"}}
_PROBE = {
    **_HTTP,
    "grpc": {"service": ""},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_CONTAINER: Shape = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "ports": [{"protocol": "TCP"}],
    "lifecycle": {"postStart": _HTTP, "preStop": _HTTP},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
}
_VOLUME: Shape = {
    "configMap": {"defaultMode": 0o644},
    "secret": {"defaultMode": 0o644},
    "downwardAPI": {"defaultMode": 0o644},
    "projected": {"defaultMode": 0o644},
    "hostPath": {"type": ""},
}
_POD: Shape = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [_VOLUME],
}
_TEMPLATE = {"metadata": {}, "spec": _POD}
_HISTORY = {"revisionHistoryLimit": 10, "template": _TEMPLATE}
_SHAPES: Mapping[str, Shape] = {
    "Deployment": {
        **_HISTORY,
        "progressDeadlineSeconds": 600,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
    },
    "StatefulSet": {
        **_HISTORY,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "DaemonSet": {
        **_HISTORY,
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
        },
    },
    "CronJob": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"metadata": {}, "spec": {"template": _TEMPLATE}},
    },
    "Service": {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "externalTrafficPolicy": "Cluster",
        "allocateLoadBalancerNodePorts": True,
        "ports": [{"protocol": "TCP"}],
    },
    "PersistentVolumeClaim": {"volumeMode": "Filesystem"},
    "HorizontalPodAutoscaler": {"minReplicas": 1},
}


def without_defaults(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `spec` of an object without what it would have if nobody said it."""
    made = _without(spec, _SHAPES.get(kind, {}))
    if kind == "Service":
        return _plain_service(made)
    pod: Any = made
    for key in ("jobTemplate", "spec", "template", "spec")[0 if kind == "CronJob" else 2 :]:
        pod = pod.get(key) if isinstance(pod, dict) else None
    if kind in _SHAPES and isinstance(pod, dict):
        _plain_pod(pod)
    return made


def _without(value: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, inner in value.items():
        default = shape.get(key)
        if default and isinstance(default, Mapping) and isinstance(inner, Mapping):
            below = _without(inner, default)
            if below or not inner:
                made[key] = below
        elif isinstance(default, list) and isinstance(inner, list):
            [each] = default
            made[key] = [_without(o, each) if isinstance(o, Mapping) else o for o in inner]
        elif key not in shape or not _same(inner, default):
            made[key] = inner
    return made


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def _plain_service(spec: dict[str, Any]) -> dict[str, Any]:
    for port in spec.get("ports") or ():
        if isinstance(port, dict) and port.get("targetPort") == port.get("port"):
            port.pop("targetPort", None)
    if spec.get("clusterIPs") == ["None"]:
        del spec["clusterIPs"]  # what clusterIP says
    # One family of addresses: the one that the cluster has. Without that, one that is headless and
    # selects nothing gets two (pkg/registry/core/service/storage/alloc.go).
    is_plain = spec.get("clusterIP") != "None" or spec.get("selector")
    if is_plain and (spec.get("ipFamilyPolicy"), spec.get("ipFamilies")) == (
        "SingleStack",
        ["IPv4"],
    ):
        del spec["ipFamilyPolicy"], spec["ipFamilies"]
    return spec


def _plain_pod(pod: dict[str, Any]) -> None:
    """Take out what depends on something else in a pod."""
    if pod.get("serviceAccount") == pod.get("serviceAccountName"):
        pod.pop("serviceAccount", None)  # the old name of the field
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        if not isinstance(container, dict):
            continue
        if container.get("imagePullPolicy") == _usual_pull(str(container.get("image", ""))):
            del container["imagePullPolicy"]


def _usual_pull(image: str) -> str:
    """Return what is done about an image of which nobody says when it is pulled."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"
