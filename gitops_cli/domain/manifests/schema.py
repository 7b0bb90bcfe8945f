"""Objects held against what Kubernetes says of the fields of its own kinds.

A type is a number (of `types`: an object of these fields), or in short: `s` text, `i` integer, `n`
number, `b` boolean, `is` integer or text, `q` quantity, `*` anything, `["a", TYPE]` a list,
`["a", TYPE, [KEY…]]` one whose items are told apart by these, `["m", TYPE]` a mapping,
`["e", [TEXT…]]` one of some texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from gitops_cli.domain.manifests.kinds import BUILT_IN, SECRET
from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.text import one_line

Path = tuple[str | int, ...]

_PLAIN: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "s": ("text", (str,)),
    "i": ("an integer", (int,)),
    "n": ("a number", (int, float)),
    "b": ("true or false", (bool,)),
    "is": ("an integer or text", (int, str)),
    "q": ("a quantity, such as 500m or 1Gi", (int, float, str)),
}
_RIGHTS = "rbac.authorization.k8s.io"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_DEFAULTS = {"protocol": "TCP"}
_MOST = 20  # faults of one object; whoever wrote more of them knows by then


class Schema(NamedTuple):
    """The kinds of one release: `API-VERSION KIND` → the number of its type."""

    kubernetes: str
    kinds: Mapping[str, int]
    types: Sequence[Any]


class Fault(NamedTuple):
    """What is wrong with one field of an object."""

    path: Path
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def field(self) -> str:
        """Return the field as kubectl writes it: `spec.containers[0].image`."""
        words = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in self.path)
        return one_line("".join(words).removeprefix("."))


def faults(manifest: Manifest, schema: Schema) -> Iterator[Fault]:
    """Yield what the API server of that release would refuse of an object's fields.

    Nothing of kinds that are not Kubernetes' own, nor of an object that is still encrypted.
    """
    if manifest.closed or manifest.id.type not in BUILT_IN:
        return
    kind = manifest.id.kind
    number = schema.kinds.get(f"{manifest.api_version} {kind}")
    if number is None:
        known = [k.split(" ")[0] for k in schema.kinds if _is_of(k, *manifest.id.type)]
        there = f"it has {' and '.join(known)}" if known else "it is gone, or came later"
        message = f"Kubernetes {schema.kubernetes} has no {manifest.api_version} of {kind}: {there}"
        yield Fault(("apiVersion",), message, severity=Severity.WARNING)
        return
    walk = _Walk(schema, tells=manifest.id.type != SECRET)
    found = chain(_of_name(manifest), walk.value(manifest.content, number, ()))
    for count, fault in enumerate(found):
        if count == _MOST:
            return
        yield fault


def _of_name(manifest: Manifest) -> Iterator[Fault]:
    """Yield what is wrong with an object's name; those of rights may be nearly any text."""
    name = manifest.id.name
    if manifest.id.group != _RIGHTS and _NAME.fullmatch(name) is None:
        message = f"`{one_line(name)[:60]}` is no name of lower-case letters, digits, `-` and `.`"
        yield Fault(("metadata", "name"), message)


def _is_of(kind: str, group: str, name: str) -> bool:
    version, _, its_name = kind.partition(" ")
    return its_name == name and version.rpartition("/")[0] == group


class _Walk(NamedTuple):
    schema: Schema
    tells: bool  # whether values may be shown

    def value(self, value: Any, type_: Any, path: Path) -> Iterator[Fault]:
        if type_ == "*" or value is None:
            return
        if isinstance(type_, int):
            yield from self._object(value, self.schema.types[type_], path)
        elif isinstance(type_, str):
            wanted, kinds = _PLAIN[type_]
            is_bool = isinstance(value, bool)
            if is_bool != (bool in kinds) or not isinstance(value, kinds):
                yield self._wrong(value, wanted, path)
        else:
            yield from self._compound(value, type_[0], type_[1], path)
            if len(type_) > 2 and isinstance(value, list):
                yield from self._twice(value, type_[2], path)

    def _compound(self, value: Any, sort: str, inner: Any, path: Path) -> Iterator[Fault]:
        if sort == "e":
            if not isinstance(value, str):
                yield self._wrong(value, "text", path)
            elif value not in inner:
                hint = did_you_mean(value, inner) or f"what it may be: {', '.join(inner)}"
                yield Fault(path, f"{self._shown(value)} is nothing that it may be", hint)
        elif sort == "a":
            if not isinstance(value, list):
                yield self._wrong(value, "a list", path)
                return
            for index, item in enumerate(value):
                yield from self.value(item, inner, (*path, index))
        elif not isinstance(value, dict):
            yield self._wrong(value, "a mapping", path)
        else:
            for key, one in value.items():
                yield from self.value(one, inner, (*path, key))

    def _twice(self, items: Sequence[Any], keys: Sequence[str], path: Path) -> Iterator[Fault]:
        """Yield the items that are another one again: server-side apply takes none of them."""
        seen = set()
        for index, item in enumerate(items):
            named = {k: item[k] for k in keys if k in item} if isinstance(item, dict) else {}
            told = tuple(str(named.get(key, _DEFAULTS.get(key, ""))) for key in keys)
            if named and told in seen:
                said = ", ".join(f"{key}: {self._shown(value)}" for key, value in named.items())
                hint = "keep one of them: the last is the one that would count"
                yield Fault((*path, index), f"stands there twice ({said})", hint)
            seen.add(told)

    def _object(self, value: Any, type_: Mapping[str, Any], path: Path) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield self._wrong(value, "a mapping", path)
            return
        fields = type_["f"]
        for key, one in value.items():
            if key in fields:
                yield from self.value(one, fields[key], (*path, key))
            else:
                message = f"Kubernetes {self.schema.kubernetes} has no such field"
                yield Fault((*path, key), message, did_you_mean(key, fields))
        for key in type_.get("r", ()):
            if value.get(key) is None:
                yield Fault(path, f"`{key}` is missing")

    def _wrong(self, value: Any, wanted: str, path: Path) -> Fault:
        quoted = isinstance(value, bool | int | float) and wanted == "text"
        hint = "put it in quotes" if quoted else None
        return Fault(path, f"{self._shown(value)} stands where {wanted} belongs", hint)

    def _shown(self, value: Any) -> str:
        if isinstance(value, dict):
            return "a mapping"
        if isinstance(value, list):
            return "a list"
        if not self.tells:
            return "a value"
        said = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
        return f"`{one_line(said)[:60]}`"
