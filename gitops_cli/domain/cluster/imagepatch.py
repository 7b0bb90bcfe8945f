"""The JSON patch that changes a workload's images, and nothing else (spec, "Sync's patch")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.workload import (
    ACTOR,
    CHANGE_CAUSE,
    COMMIT,
    COMMIT_TIME,
    VERSION,
    Container,
    Workload,
    recorded_image,
)
from gitops_cli.domain.image import ImageRef, parse_image, same_repository


class Stamp(NamedTuple):
    """What is recorded on a workload beside its image; None is not recorded."""

    commit: str | None = None
    commit_time: str | None = None
    actor: str | None = None


class ImagePatch(NamedTuple):
    """A workload as it was read, and the image that some of its containers get."""

    workload: Workload
    containers: tuple[Container, ...]
    image: ImageRef
    stamp: Stamp

    @property
    def is_by_hand(self) -> bool:
        """Tell whether the workload had this very version from us, and somebody changed it."""
        had = (self.workload.annotations or {}).get(VERSION)
        return self.image.version is not None and had == str(self.image.version)

    @property
    def annotations(self) -> dict[str, str]:
        before = {c.name: c.image for c in self.containers}
        return annotations_of(self.workload.name, before, self.image, self.stamp)

    def operations(self) -> list[dict[str, Any]]:
        """Return the JSON patch.

        Each container's name and image and our recorded commit are tested as they were read, so
        that whatever moved meanwhile makes it fail as a whole. `test` with null holds for a path
        that is absent, and only a whole object can be added below absent annotations.
        """
        operations: list[dict[str, Any]] = []
        for container in self.containers:
            operations += [
                _op("test", f"{container.pointer}/name", container.name),
                _op("test", f"{container.pointer}/image", container.image),
                _op("replace", f"{container.pointer}/image", str(self.image)),
            ]
        return [*self._annotation_operations(), *operations]

    def _annotation_operations(self) -> list[dict[str, Any]]:
        if self.workload.annotations is None:
            return [
                _op("test", "/metadata/annotations", None),
                _op("add", "/metadata/annotations", self.annotations),
            ]
        return [
            _op("test", _pointer(COMMIT), self.workload.commit),
            *(_op("add", _pointer(key), value) for key, value in self.annotations.items()),
        ]

    def is_applied_to(self, workload: Workload) -> bool:
        """Tell whether a workload has the image in those containers.

        Also where admission has looked the tag up and added its digest.
        """
        images = {c.name: recorded_image(c, workload) for c in workload.containers}
        return all(c.name in images and self._is(images[c.name]) for c in self.containers)

    def _is(self, got: ImageRef) -> bool:
        return (
            same_repository(got.repository, self.image.repository)
            and got.tag == self.image.tag
            and self.image.digest in (None, got.digest)
        )


def annotations_of(
    workload: str, before: Mapping[str, str], image: ImageRef, stamp: Stamp
) -> dict[str, str]:
    """Return what is recorded on a workload of which containers get an image.

    `before` are the images that they had, by container.
    """
    values = {
        CHANGE_CAUSE: _cause(workload, before, image, stamp),
        COMMIT: stamp.commit,
        COMMIT_TIME: stamp.commit_time,
        ACTOR: stamp.actor,
        VERSION: None if image.version is None else str(image.version),
    }
    return {key: value for key, value in values.items() if value is not None}


def _cause(workload: str, images: Mapping[str, str], image: ImageRef, stamp: Stamp) -> str:
    """Return the line that `kubectl rollout history` shows."""
    new = image.version
    before = {name: _short(was) for name, was in images.items()}
    alike = len(set(before.values())) == 1
    was = ", ".join(
        dict.fromkeys(was if alike else f"{name} {was}" for name, was in before.items())
    )
    will = new.short if new is not None else str(image)
    by = f" by {stamp.actor}" if stamp.actor else ""
    state = f", state {stamp.commit[:7]}" if stamp.commit else ""
    change = f"{was} → {will}" if was else will
    return f"gitops: {workload} {change}{state}{by}"


def _short(image: str) -> str:
    version = parse_image(image).version
    return image if version is None else version.short


def _op(op: str, path: str, value: object) -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


def _pointer(annotation: str) -> str:
    return "/metadata/annotations/" + annotation.replace("~", "~0").replace("/", "~1")


class Patched(NamedTuple):
    """The workload as the server answered after the patch; its generation is to be waited for.

    `warnings` is what the server, such as an admission policy, has to say beside.
    """

    workload: Workload
    warnings: tuple[str, ...] = ()


class Moved(NamedTuple):
    """Somebody changed the workload since it was read, so nothing was patched. None: it is gone."""

    workload: Workload | None
