"""What pods need beside themselves: images, and objects that their specs name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.manifests.objects import Manifest

# Where a pod's spec stands in what makes pods.
_PODS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("argoproj.io", "Rollout"): ("spec", "template", "spec"),
}
_CONTAINERS = ("initContainers", "containers")


class Need(NamedTuple):
    """An object of the same namespace without which a pod does not start."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def pod_spec(manifest: Manifest) -> Mapping[str, Any] | None:
    """Return the spec of the pods that an object makes; None if it makes none."""
    found: Any = manifest.content
    for key in _PODS.get(manifest.id.type, ("",)):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def images_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the images of a pod's containers."""
    for container in _containers(spec):
        if isinstance(image := container.get("image"), str) and image:
            yield image


def needs_of(spec: Mapping[str, Any]) -> frozenset[Need]:
    """Return what a pod needs and cannot do without (`optional` ones are left out).

    Fields as in the API's reference of PodSpec: pull secrets, service account, volumes (projected
    ones too), `envFrom` and `env`'s `valueFrom`.
    """
    found = {Need("Secret", name) for name in _names(spec.get("imagePullSecrets"), "name")}
    account = spec.get("serviceAccountName")
    if isinstance(account, str) and account not in ("", "default"):
        found.add(Need("ServiceAccount", account))
    for volume in _dicts(spec.get("volumes")):
        projected = volume.get("projected")
        sources = _dicts(projected.get("sources")) if isinstance(projected, dict) else ()
        for source in (volume, *sources):
            found |= _named(source, "secret", "Secret", ("secretName", "name"))
            found |= _named(source, "configMap", "ConfigMap", ("name",))
        found |= _named(volume, "persistentVolumeClaim", "PersistentVolumeClaim", ("claimName",))
    for container in _containers(spec):
        for source in _dicts(container.get("envFrom")):
            found |= _named(source, "secretRef", "Secret", ("name",))
            found |= _named(source, "configMapRef", "ConfigMap", ("name",))
        for variable in _dicts(container.get("env")):
            value = variable.get("valueFrom")
            if isinstance(value, dict):
                found |= _named(value, "secretKeyRef", "Secret", ("name",))
                found |= _named(value, "configMapKeyRef", "ConfigMap", ("name",))
    return frozenset(found)


def missing_needs(manifests: Iterable[Manifest]) -> Iterator[tuple[Manifest, Need]]:
    """Yield what pods of these objects need and none of them is, or is made by one of them."""
    objects = list(manifests)
    there = {Need(one.id.kind, one.id.name) for one in objects} | set(map(_made, objects))
    for one in objects:
        spec = pod_spec(one)
        for need in sorted(needs_of(spec) - there) if spec is not None else ():
            yield one, need


def _made(manifest: Manifest) -> Need:
    """Return the Secret that a SealedSecret or an ExternalSecret becomes in the cluster."""
    name = manifest.id.name
    spec = manifest.content.get("spec")
    target = spec.get("target") if isinstance(spec, dict) else None
    named = target.get("name") if isinstance(target, dict) else None
    if manifest.id.kind == "ExternalSecret" and isinstance(named, str):
        name = named
    is_one = manifest.id.kind in ("SealedSecret", "ExternalSecret")
    return Need("Secret" if is_one else manifest.id.kind, name)


def _named(
    holder: Mapping[str, Any], key: str, kind: str, names: tuple[str, ...]
) -> frozenset[Need]:
    value = holder.get(key)
    if not isinstance(value, dict) or value.get("optional") is True:
        return frozenset()
    name = next((value[n] for n in names if isinstance(value.get(n), str) and value[n]), None)
    return frozenset() if name is None else frozenset({Need(kind, name)})


def _names(items: Any, key: str) -> Iterator[str]:
    for item in _dicts(items):
        if isinstance(item.get(key), str) and item[key]:
            yield item[key]


def _dicts(items: Any) -> tuple[dict[str, Any], ...]:
    return tuple(i for i in items if isinstance(i, dict)) if isinstance(items, list) else ()


def _containers(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in _CONTAINERS:
        yield from _dicts(spec.get(key))
