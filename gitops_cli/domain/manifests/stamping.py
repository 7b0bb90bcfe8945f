"""What we note on an object that is applied: whose it is, of which commit, and what was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_cli.domain.cluster.imagepatch import Stamp, annotations_of
from gitops_cli.domain.cluster.workload import COMMIT, OUR_ANNOTATIONS
from gitops_cli.domain.manifests.applyset import PART_OF, set_id
from gitops_cli.domain.manifests.images import OwnedWorkload, images_in
from gitops_cli.domain.manifests.ownership import APPLIED
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind


def stamped(
    content: Mapping[str, Any],
    environment: EnvironmentName,
    digest: str,
    annotations: Mapping[str, str],
) -> dict[str, Any]:
    """Return a content with the label of its set, the digest of it, and more annotations."""
    metadata = content["metadata"]
    return {
        **content,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), PART_OF: set_id(environment)},
            "annotations": {
                **(metadata.get("annotations") or {}),
                **annotations,
                APPLIED: digest,
            },
        },
    }


def annotations_for(
    owned: OwnedWorkload | None, before: Mapping[str, Any] | None, stamp: Stamp
) -> dict[str, str]:
    """Return what is recorded on an object: for a service's workload the same as by a patch."""
    if owned is None or owned.image is None:
        return {} if stamp.commit is None else {COMMIT: stamp.commit}
    one = owned.manifest.id
    was = images_in(before or {}, Kind(one.kind))
    taken = {name: image for name, image in was.items() if name in owned.containers}
    return annotations_of(one.name, taken, owned.image, stamp)


def is_note(field: str) -> bool:
    """Tell whether a field, as a conflict names it, is one that we note on objects."""
    return field in _NOTES


_NOTES = frozenset(
    [
        *(f".metadata.annotations.{name}" for name in (*OUR_ANNOTATIONS, APPLIED)),
        f".metadata.labels.{PART_OF}",
    ]
)
