"""Who wrote what of an object, by its managedFields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gitops_cli.domain.stamp import parse_stamp
from gitops_cli.domain.text import one_line

FIELD_MANAGER = "gitops"
"""As whom we patch."""


class Writer(NamedTuple):
    """A field manager, as kubectl shows it with --show-managed-fields, and its last write."""

    manager: str
    at: datetime | None


def image_writer(manifest: Mapping[str, Any], container: str) -> Writer | None:
    """Return who wrote a container's image last; None where nobody is named."""
    found = [
        Writer(one_line(str(entry.get("manager") or "somebody")), parse_stamp(entry.get("time")))
        for entry in manifest["metadata"].get("managedFields") or ()
        if container in set(_images(entry.get("fieldsV1")))
    ]
    return max(found, key=lambda w: w.at.timestamp() if w.at else 0.0, default=None)


def _images(fields: object) -> Iterator[str]:
    """Yield the containers whose image these fields have: whoever may update it wrote them."""
    if not isinstance(fields, dict):
        return
    for key, below in fields.items():
        if key.startswith('k:{"name":"') and isinstance(below, dict) and "f:image" in below:
            yield key.removeprefix('k:{"name":"').removesuffix('"}')
        yield from _images(below)
