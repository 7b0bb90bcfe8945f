"""Argo Rollouts on the test's API server: its CRD, and statuses as its controller writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.testbed.kube import ApiError, Kube
from tests.testbed.manifests import Manifest, workload
from tests.testbed.patience import eventually

GROUP = "argoproj.io"
_NAME = f"rollouts.{GROUP}"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT, _NUMBER, _FLAG = ({"type": word} for word in ("string", "integer", "boolean"))
_LIST = {"type": "array", "items": _ANY}
# The types of the published CRD (v1.8), as far as we read or tests write them: another one is
# refused, and what is not named is dropped, as there.
_STATUS = {
    "abort": _FLAG,
    "availableReplicas": _NUMBER,
    "conditions": _LIST,
    "controllerPause": _FLAG,
    "currentPodHash": _TEXT,
    "currentStepIndex": _NUMBER,
    "message": _TEXT,
    "observedGeneration": _TEXT,
    "pauseConditions": _LIST,
    "phase": _TEXT,
    "readyReplicas": _NUMBER,
    "replicas": _NUMBER,
    "selector": _TEXT,
    "stableRS": _TEXT,
    "updatedReplicas": _NUMBER,
    "workloadObservedGeneration": _TEXT,
}
_SPEC = {
    "minReadySeconds": _NUMBER,
    "paused": _FLAG,
    "progressDeadlineSeconds": _NUMBER,
    "replicas": _NUMBER,
    "revisionHistoryLimit": _NUMBER,
    "selector": _ANY,
    "strategy": {"type": "object", "properties": {"blueGreen": _ANY, "canary": _ANY}},
    "template": _ANY,
    "workloadRef": _ANY,
}


def install_rollouts(kube: Kube) -> None:
    """Install the CRD; return when the API server serves it."""
    parts = {"spec": _SPEC, "status": _STATUS}
    fields = {name: {"type": "object", "properties": part} for name, part in parts.items()}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": fields}},
    }
    names = {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    kind = "CustomResourceDefinition"
    manifest = {"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "metadata": {"name": _NAME}}
    try:
        kube.request("POST", _CRDS, manifest | {"spec": spec})
    except ApiError as error:
        if error.code != 409:
            raise
    eventually(lambda: _is_served(kube))


def _is_served(kube: Kube) -> bool:
    status = kube.request("GET", f"{_CRDS}/{_NAME}").get("status") or {}
    conditions = status.get("conditions") or ()
    served = any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
    if not served:
        return False
    try:
        kube.request("GET", f"/apis/{GROUP}/v1alpha1/rollouts")
    except ApiError:
        return False
    return True


def rollout(name: str, image: str, *, replicas: int = 1, **spec: Any) -> Manifest:
    """Return a Rollout with a canary of two steps, unless `strategy` says otherwise."""
    steps = [{"setWeight": 50}, {"pause": {}}]
    more = {"strategy": {"canary": {"steps": steps}}} | spec
    return workload("Rollout", name, image, replicas=replicas, **more)


def state(kube: Kube, namespace: str, name: str, status: Mapping[str, Any]) -> None:
    """Let the Rollout have the status that its controller would write for its newest spec."""
    generation = kube.get("Rollout", namespace, name)["metadata"]["generation"]
    seen = {"observedGeneration": str(generation)} | dict(status)
    kube.patch("Rollout", namespace, name, {"status": seen}, subresource="/status")
