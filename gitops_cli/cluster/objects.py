"""Objects by their manifests: what installing an agent and asking how it is need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import (
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    RESOURCES,
    Api,
    Doing,
    Refused,
    Resource,
)
from gitops_cli.cluster.decoding import Whole
from gitops_cli.domain.names import AGENT

Manifest = Mapping[str, Any]

_CORE = "/api/v1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_RESOURCES = {
    "Namespace": NAMESPACES,
    "ServiceAccount": Resource(_CORE, "serviceaccounts"),
    "Secret": Resource(_CORE, "secrets"),
    "ConfigMap": Resource(_CORE, "configmaps"),
    "Role": Resource(_RBAC, "roles"),
    "RoleBinding": Resource(_RBAC, "rolebindings"),
    "Job": JOBS,
    "ValidatingAdmissionPolicy": Resource(_ADMISSION, "validatingadmissionpolicies"),
    "ValidatingAdmissionPolicyBinding": Resource(_ADMISSION, "validatingadmissionpolicybindings"),
    **{kind.value: resource for kind, resource in RESOURCES.items()},
}
_SHAPES: Mapping[str, type[schema.Manifest]] = {
    "Secret": schema.Secret,
    "ConfigMap": schema.ConfigMap,
    "Role": schema.Role,
    "RoleBinding": schema.RoleBinding,
    "CronJob": schema.ScheduledProcess,
    "Deployment": schema.Deployed,
}
_TOKEN = Decoder(schema.TokenRequest)
_NEVER = datetime.min.replace(tzinfo=UTC)
_INSTALLER = "gitops-install"
_LOG_LINES = 8


class Objects:
    """Reads and writes single objects of one cluster. Raises Denied, ClusterError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return an object; None if there is none."""
        return self._api.find(_doing("get", kind, namespace, name), _decoder(kind))

    def apply(self, manifest: Manifest, *, dry_run: bool) -> dict[str, Any]:
        """Apply an object server-side and return it; fields that others took are taken back."""
        doing = _of("patch", manifest)
        query: dict[str, str | int] = {"fieldManager": _INSTALLER, "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        return self._api.ask(
            doing,
            _decoder(manifest["kind"]),
            "PATCH",
            path=doing.path("", **query),
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    def delete(self, manifest: Manifest, *, dry_run: bool = False) -> bool:
        """Delete an object and what it owns; False if there was none."""
        doing = _of("delete", manifest)
        query: dict[str, str | int] = {"propagationPolicy": "Background"}
        if dry_run:
            query["dryRun"] = "All"
        try:
            self._api.tell(doing, "DELETE", path=doing.path("", **query))
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def write_data(
        self, namespace: str, name: str, data: Mapping[str, str | None], **more: Any
    ) -> None:
        """Merge keys into a ConfigMap; None removes one."""
        doing = _doing("patch", "ConfigMap", namespace, name)
        self._api.tell(
            doing,
            "PATCH",
            path=doing.path(fieldManager=AGENT),
            body={"data": data, **more},
            content_type="application/merge-patch+json",
        )

    def record_event(self, namespace: str, body: Manifest) -> None:
        self._api.tell(Doing("create", EVENTS, namespace), "POST", body=body)

    def token(self, namespace: str, account: str, *, seconds: int) -> str:
        doing = _doing("create", "ServiceAccount", namespace, account)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return self._api.ask(
            doing, _TOKEN, "POST", path=doing.path("token"), body=body
        ).status.token

    def last_words(self, namespace: str, labels: str) -> list[str]:
        """Return the last log lines of the newest pod with these labels; empty without one."""
        doing = Doing("list", PODS, namespace)
        pods = self._api.ask(doing, schema.PODS, path=doing.path(labelSelector=labels)).items
        if not pods:
            return []
        newest = max(pods, key=lambda pod: pod.metadata.creation_timestamp or _NEVER)
        name = newest.metadata.name
        reading = Doing("get", PODS, namespace, name)
        try:
            path = reading.path("log", tailLines=_LOG_LINES)
            answer = self._api.call(reading, path=path)
        except Refused:  # no container has been started yet
            return [f"pod {name}: {_waiting(newest.status or schema.PodStatus())}"]
        return answer.body.decode("utf-8", "replace").splitlines()


def _waiting(status: schema.PodStatus) -> str:
    for container in status.container_statuses or ():
        waiting = container.state and container.state.waiting
        if waiting:
            return f"{waiting.reason or 'waiting'}: {waiting.message}".rstrip(": ")
    return status.phase or "no status"


def _decoder(kind: str) -> Whole[Any]:
    return Whole(_SHAPES.get(kind, schema.Manifest))


def _of(verb: str, manifest: Manifest) -> Doing:
    metadata = manifest["metadata"]
    return _doing(verb, manifest["kind"], metadata.get("namespace"), metadata["name"])


def _doing(verb: str, kind: str, namespace: str | None, name: str | None = None) -> Doing:
    return Doing(verb, _RESOURCES[kind], namespace, name)
