"""From a server's bytes to values: what decodes whole objects, and the words for what is wrong."""

from __future__ import annotations

import re
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Raw, Struct, ValidationError
from msgspec.json import Decoder

from gitops_cli.cluster.schema import ListOf, Manifest

MAX_DEPTH = 100  # of a whole object: what handles it calls itself once per level

T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=Manifest)

_WHOLE = Decoder(dict[str, Any])
_PLACE = re.compile(r"(?P<what>.*) - at `(?P<key>key in )?\$(?P<path>.*)`\Z", re.DOTALL)
_INDEX = re.compile(r"\.items\[(?P<index>\d+)\]")


class Decodes(Protocol[T_co]):
    """Makes a value of JSON; raises ValidationError, another ValueError or RecursionError."""

    def decode(self, body: bytes, /) -> T_co: ...


class Whole(Generic[M]):
    """Decodes an object with all its fields; those that are read have the types of `shape`."""

    def __init__(self, shape: type[M]) -> None:
        self._shape = Decoder(shape)

    def decode(self, body: bytes | Raw, /) -> dict[str, Any]:
        """Return the object as it came."""
        return self.both(body)[1]

    def both(self, body: bytes | Raw, /) -> tuple[M, dict[str, Any]]:
        """Return the fields that are read, and the object as it came."""
        shape, whole = self._shape.decode(body), _WHOLE.decode(body)
        _check_depth(whole)
        return shape, whole


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise RecursionError("nested too deeply")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


class _Meta(Struct):
    name: str


class _Named(Struct):
    metadata: _Meta


def in_words(body: bytes, error: ValidationError) -> str:
    """Return where an answer is wrong, and in what: object, field, and the type it should have."""
    match = _PLACE.match(str(error))
    if match is None:
        return f"{str(error)[:1].lower()}{str(error)[1:]}"
    path = match["path"]
    name = _name_at(body, path)
    if name is not None:
        path = _INDEX.sub("", path, count=1)
    what = f"{match['what'][:1].lower()}{match['what'][1:]}"
    return ": ".join(part for part in (name, path.lstrip("."), what) if part)


def _name_at(body: bytes, path: str) -> str | None:
    """Return the name of the LIST's item that a path leads to, or of the object itself."""
    index = _INDEX.match(path)
    try:
        if index is None:
            return msgspec.json.decode(body, type=_Named).metadata.name
        items = msgspec.json.decode(body, type=ListOf[Raw]).items or []
        return msgspec.json.decode(items[int(index["index"])], type=_Named).metadata.name
    except (ValueError, IndexError, RecursionError):
        return None
