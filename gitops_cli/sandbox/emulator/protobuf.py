"""What `kubectl create namespace` sends: the one object that is read in protobuf.

kubectl creates built-in kinds in Kubernetes' own envelope: four bytes, then a `runtime.Unknown`
whose first field names the kind and whose second is the object (generated.proto of apimachinery).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MAGIC = b"k8s\x00"
_VARINT, _BYTES = 0, 2  # wire types; the envelope and names have no other


def namespace_in(body: bytes) -> dict[str, Any] | None:
    """Return the Namespace that stands in an envelope, as JSON has it; None: something else."""
    try:
        unknown = dict(_fields(body.removeprefix(_MAGIC)))
        if dict(_fields(unknown[1])).get(2) != b"Namespace":
            return None
        metadata = list(_fields(dict(_fields(unknown[2]))[1]))
        name = dict(metadata)[1].decode()
        labels = dict(_entry(value) for number, value in metadata if number == 11)
    except (KeyError, IndexError, ValueError):
        return None
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    if labels:
        found["metadata"]["labels"] = labels
    return found


def _entry(data: bytes) -> tuple[str, str]:
    fields = dict(_fields(data))
    return fields[1].decode(), fields[2].decode()


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields that are bytes, by number; raises ValueError or IndexError for nonsense."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == _VARINT:
            _, at = _varint(data, at)
            continue
        if key & 7 != _BYTES:
            raise ValueError("a wire type that these messages have not")
        length, at = _varint(data, at)
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
