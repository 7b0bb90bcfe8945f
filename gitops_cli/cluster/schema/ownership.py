"""Whose an image is: what `managedFields` says of a workload."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, field

from gitops_cli.cluster.schema.common import Name, Read


class OwnedContainer(Read):
    """Which fields of a container are owned."""

    image: Any = field(name="f:image", default=UNSET)

    @property
    def has_image(self) -> bool:
        return self.image is not UNSET


class OwnedPodSpec(Read):
    """Which containers are owned; each by a key that holds its name."""

    containers: dict[str, OwnedContainer] = field(name="f:containers", default_factory=dict)
    init_containers: dict[str, OwnedContainer] = field(
        name="f:initContainers", default_factory=dict
    )


class OwnedTemplate(Read):
    """Which fields of a template are owned."""

    spec: OwnedPodSpec | None = field(name="f:spec", default=None)


class OwnedJobSpec(Read):
    """Which fields of a Job's spec are owned."""

    template: OwnedTemplate | None = field(name="f:template", default=None)


class OwnedJobTemplate(Read):
    """Which fields of a CronJob's template are owned."""

    spec: OwnedJobSpec | None = field(name="f:spec", default=None)


class OwnedSpec(Read):
    """Which fields of a workload's spec are owned."""

    template: OwnedTemplate | None = field(name="f:template", default=None)
    job_template: OwnedJobTemplate | None = field(name="f:jobTemplate", default=None)


class Owned(Read):
    """The fields of a workload that one manager owns."""

    spec: OwnedSpec | None = field(name="f:spec", default=None)


class WrittenSpec(Read):
    """Whether a template is owned."""

    template: Any = field(name="f:template", default=UNSET)


class WrittenFields(Read):
    """What one manager of any kind of object has written."""

    spec: WrittenSpec | None = field(name="f:spec", default=None)

    @property
    def has_template(self) -> bool:
        """Tell whether it wrote the pods' template, or some of it."""
        return self.spec is not None and self.spec.template is not UNSET


class ContainerKey(Read):
    """What stands behind `k:` in the key of an owned container."""

    name: Name
