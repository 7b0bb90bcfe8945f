"""Versions of the hash files, put into the workloads of the repository before they are applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.comparison import workload_of
from gitops_cli.domain.cluster.workload import Container, Unclear, Workload, containers_for
from gitops_cli.domain.errors import ConfigurationError, GitOpsError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.team import ServiceRules

_TEMPLATE = ("spec", "template", "spec")
_JOBS_TEMPLATE = ("spec", "jobTemplate", "spec", "template", "spec")
_LISTS = (("initContainers", True), ("containers", False))


class OwnedWorkload(NamedTuple):
    """A workload that has a hash file, with that image in it; `error`: why it cannot be put in."""

    service: ServiceName
    manifest: Manifest
    image: ImageRef | None = None
    containers: frozenset[str] = frozenset()
    error: GitOpsError | None = None


def service_images(
    environment: Environment,
    manifests: Iterable[Manifest],
    rules: Mapping[ServiceName, ServiceRules],
) -> dict[int, OwnedWorkload]:
    """Return the workloads of services by their place among the manifests.

    Which container gets the image is the same rule as for a live workload
    (`domain.cluster.workload.containers_for`).
    """
    services = {
        (file.kind.group, file.kind.value, workload_of(service, rules)): service
        for service, file in environment.files.items()
    }
    found: dict[int, OwnedWorkload] = {}
    for index, manifest in enumerate(manifests):
        one = manifest.id
        service = services.get((one.group, one.kind, one.name))
        if service is not None:
            configured = rules[service].containers if service in rules else ()
            try:
                image = environment.image(service)
                found[index] = _with_image(manifest, Kind(one.kind), service, image, configured)
            except GitOpsError as error:
                found[index] = OwnedWorkload(service, manifest, error=error)
    return found


def _with_image(
    manifest: Manifest,
    kind: Kind,
    service: ServiceName,
    image: ImageRef,
    configured: Collection[str],
) -> OwnedWorkload:
    path = _JOBS_TEMPLATE if kind is Kind.CRONJOB else _TEMPLATE
    containers = tuple(_containers(manifest.content, path))
    space, name = EnvironmentName(manifest.id.namespace or ""), ServiceName(manifest.id.name)
    workload = Workload(kind, space, name, containers)
    chosen = containers_for(workload, image, service=service, configured=configured)
    if isinstance(chosen, Unclear):
        raise ConfigurationError(
            f"{manifest.where}: which container of {manifest.id} gets the image of {service}? "
            f"{chosen.reason}",
            hint=f'gitops.toml settles it: [service.{service}] container = "…"',
        )
    names = frozenset(container.name for container in chosen)
    put = manifest._replace(content=_put(manifest.content, path, names, str(image)))
    return OwnedWorkload(service, put, image, names)


def images_in(content: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    """Return the images of a workload's containers, by container."""
    path = _JOBS_TEMPLATE if kind is Kind.CRONJOB else _TEMPLATE
    return {container.name: container.image for container in _containers(content, path)}


def _containers(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[Container]:
    spec: Any = content
    for key in path:
        spec = spec.get(key) if isinstance(spec, dict) else None
    if not isinstance(spec, dict):
        return
    for key, init in _LISTS:
        items = spec.get(key)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                pointer = f"/{'/'.join(path)}/{key}/{index}"
                yield Container(item["name"], str(item.get("image") or ""), pointer, init)


def _put(
    content: Mapping[str, Any], path: tuple[str, ...], names: frozenset[str], image: str
) -> dict[str, Any]:
    """Return the content with an image in some containers; nothing of the old is changed."""
    if path:
        return {**content, path[0]: _put(content[path[0]], path[1:], names, image)}
    changed = {
        key: [_with(item, names, image) for item in content[key]]
        for key, _ in _LISTS
        if isinstance(content.get(key), list)
    }
    return {**content, **changed}


def _with(item: Any, names: frozenset[str], image: str) -> Any:
    mine = isinstance(item, dict) and item.get("name") in names
    return {**item, "image": image} if mine else item
