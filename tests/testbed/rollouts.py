"""Argo Rollouts on the test's API server: its CRD, and statuses as its controller writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.testbed.kube import ApiError, Kube, eventually
from tests.testbed.manifests import Manifest, workload

GROUP = "argoproj.io"
_NAME = f"rollouts.{GROUP}"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def install_rollouts(kube: Kube) -> None:
    """Install the CRD, whatever its fields; return when the API server serves it."""
    fields = {"spec": _ANY, "status": _ANY}
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
