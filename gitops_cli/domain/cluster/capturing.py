"""What of a running namespace can be recorded: versions that `images_path` and a hash stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gitops_cli.domain.change.draft import Draft
from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.cluster.workload import Workload, recorded_image
from gitops_cli.domain.image import ImageRef, is_repository, same_repository
from gitops_cli.domain.names import ServiceName, is_service_name
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.team import ServiceRules
from gitops_cli.domain.version import Version, parse_version


class Found(NamedTuple):
    """A workload and the version it has."""

    service: ServiceName
    kind: Kind
    version: Version


class Skipped(NamedTuple):
    """A workload that cannot be recorded, and why."""

    service: str
    kind: Kind
    reason: str


class Capture(NamedTuple):
    """What a namespace holds, read as an environment."""

    images_path: str
    found: tuple[Found, ...]
    skipped: tuple[Skipped, ...]


class Exported(NamedTuple):
    """Manifests of a namespace by file name, and what was left out.

    `needed` are Secrets that its pods name; `secrets` those of the namespace, where they were asked
    for: as they are, for nobody to see.
    """

    files: Mapping[str, bytes]
    notes: tuple[str, ...]
    needed: tuple[str, ...] = ()
    secrets: tuple[Mapping[str, Any], ...] = ()


class Captured(NamedTuple):
    """What was recorded; `written` is None for a dry run, `exported` without manifests."""

    capture: Capture
    draft: Draft
    written: Written | None = None
    exported: Exported | None = None


def captured(
    workloads: Sequence[Workload],
    *,
    images_path: str | None = None,
    chosen: Collection[ServiceName] | None = None,
    rules: Mapping[ServiceName, ServiceRules] = MappingProxyType({}),
) -> Capture | None:
    """Read workloads as services; None where nothing tells the images_path.

    Without an `images_path` it is the beginning that most images share whose repository ends
    with their service's name: the workload's, unless the `rules` of one name that workload.
    """
    services = {rule.workload or rule.name: rule for rule in rules.values()}
    workloads = [_as_service(w, services.get(w.name)) for w in workloads]
    mine = [w for w in workloads if chosen is None or w.name in chosen]
    path = images_path or _common_path(mine)
    if path is None:
        return None
    found: dict[ServiceName, Found] = {}
    skipped: list[Skipped] = []
    for workload in sorted(mine, key=lambda w: (w.name, list(Kind).index(w.kind))):
        one = _read(workload, path, found)
        if isinstance(one, Found):
            found[one.service] = one
        else:
            skipped.append(one)
    return Capture(path, tuple(found.values()), tuple(skipped))


def _as_service(workload: Workload, rule: ServiceRules | None) -> Workload:
    """Return a workload by the name of its service, with the containers that get its image."""
    if rule is None:
        return workload
    chosen = tuple(c for c in workload.containers if c.name in rule.containers)
    return workload._replace(name=rule.name, containers=chosen or workload.containers)


def _common_path(workloads: Iterable[Workload]) -> str | None:
    paths = Counter(
        image.repository.removesuffix(workload.name)
        for workload in workloads
        for image in _images(workload)
        if image.repository.endswith(f"/{workload.name}")
    )
    usable = [path for path, _ in paths.most_common() if is_repository(f"{path}service")]
    return usable[0] if usable else None


def _images(workload: Workload) -> list[ImageRef]:
    return [recorded_image(container, workload) for container in workload.containers]


def _read(workload: Workload, path: str, found: Collection[ServiceName]) -> Found | Skipped:
    kind = workload.kind

    def skip(reason: str) -> Skipped:
        return Skipped(workload.name, kind, reason)

    if not is_service_name(workload.name):
        return skip("its name cannot be that of a service")
    if workload.pods_from is not None:
        return skip(f"its pods are made from {workload.pods_from}")
    if workload.name in found:
        return skip("another kind of workload has the same name")
    wanted = f"{path}{workload.name}"
    ours = [i for i in _images(workload) if same_repository(i.repository, wanted)]
    versions = {str(i.version) for i in ours if i.version is not None}
    if not ours:
        images = ", ".join(container.image for container in workload.containers)
        return skip(f"its image is not {wanted}: {images}")
    if len(versions) != 1:
        return skip("its image has no tag" if not versions else "its containers do not agree")
    version = parse_version(next(iter(versions)))
    if version is None:
        return skip(f"`{next(iter(versions))}` is no tag")
    return Found(workload.name, kind, version)
