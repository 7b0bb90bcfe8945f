"""Fields that we applied and that left the repository: what becomes of them, and who has them too.

A field leaves the cluster when the last of its managers no longer applies it
(https://kubernetes.io/docs/reference/using-api/server-side-apply/). A person's tool that once
wrote the object (`kubectl apply`, `kubectl create`, Helm) never says so: it would hold what left
the repository for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitops_cli.domain.cluster.writers import FIELD_MANAGER

Fields = Mapping[str, Any]  # as `fieldsV1`

_ALL = "."  # the field itself, beside those below it
# `before-first-apply`: what an object had before server-side apply came to it.
_TOOLS = frozenset({"before-first-apply", "helm"})


def dropped(before: Mapping[str, Any], content: Mapping[str, Any]) -> Fields:
    """Return the fields of a live object that we applied and that a content no longer has."""
    ours = [e for e in _entries(before) if _manager(e) == (FIELD_MANAGER, "Apply", "")]
    return _missing(ours[0]["fieldsV1"], content) if ours else {}


def with_dropped(
    content: Mapping[str, Any], before: Mapping[str, Any], fields: Fields
) -> Mapping[str, Any]:
    """Return a content with fields of a live object as they are: they are looked at, too."""
    return _filled(content, before, fields) if fields else content


def released(before: Mapping[str, Any], fields: Fields) -> list[Any] | None:
    """Return the object's managers once people's tools let go of fields; None: none has any."""
    kept = []
    changed = False
    for entry in _managed(before):
        if _is_tool(entry) and (held := _both(fields, entry["fieldsV1"])):
            changed = True
            left = _without(entry["fieldsV1"], held)
            kept += [{**entry, "fieldsV1": left}] if left else []
        else:
            kept.append(entry)
    return kept if changed else None


def without_released(
    result: dict[str, Any], before: Mapping[str, Any], fields: Fields
) -> dict[str, Any]:
    """Return what an apply makes of an object, as it were if people's tools had let go before."""
    going: Fields = {}
    for entry in filter(_is_tool, _entries(before)):
        going = _joined(going, _both(fields, entry["fieldsV1"]))
    for entry in _entries(before):
        if not _is_tool(entry) and _manager(entry) != (FIELD_MANAGER, "Apply", ""):
            going = _without(going, _both(going, entry["fieldsV1"]))
    cut = _cut(result, going) if going else result
    return cut if isinstance(cut, dict) else result


def _managed(item: Mapping[str, Any]) -> Sequence[Any]:
    managed = (item.get("metadata") or {}).get("managedFields")
    return managed if isinstance(managed, list) else ()


def _entries(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in _managed(item):
        if isinstance(entry, dict) and isinstance(entry.get("fieldsV1"), dict):
            yield entry


def _manager(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    manager, operation = str(entry.get("manager") or ""), str(entry.get("operation") or "")
    return manager, operation, str(entry.get("subresource") or "")


def _is_tool(entry: Any) -> bool:
    """Tell whether a manager is a person's tool, which wrote a field and does not come again.

    Our own image patches are one. What applies server-side has a file that says the field.
    """
    if not (isinstance(entry, dict) and isinstance(entry.get("fieldsV1"), dict)):
        return False
    manager, operation, subresource = _manager(entry)
    known = manager in _TOOLS or manager == FIELD_MANAGER or manager.startswith("kubectl")
    return known and operation == "Update" and not subresource


def _missing(fields: Fields, value: Any) -> dict[str, Any]:
    """Return the part of a set of fields that a value has not."""
    found: dict[str, Any] = {}
    for key, below in fields.items():
        if key == _ALL:
            continue
        there, inner = _at(value, key)
        if not there:
            found[key] = below
        elif below and (more := _missing(below, inner)):
            found[key] = more
    return found


def _at(value: Any, key: str) -> tuple[bool, Any]:
    """Return whether a value has what a key of `fieldsV1` names, and that."""
    sort, _, name = key.partition(":")
    if sort == "f":
        return (name in value, value.get(name)) if isinstance(value, dict) else (False, None)
    if not isinstance(value, list):
        return False, None
    place = _place(value, key)
    return (True, value[place]) if place is not None else (False, None)


def _place(items: Sequence[Any], key: str) -> int | None:
    sort, _, name = key.partition(":")
    said = json.loads(name) if sort in ("k", "v") else None
    for index, item in enumerate(items):
        if sort == "v" and item == said:
            return index
        if sort == "k" and isinstance(item, dict) and isinstance(said, dict) and _is(item, said):
            return index
    return None


def _is(item: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    # A key that an item leaves out has its default, as a port's protocol.
    return all(item.get(part, value) == value for part, value in said.items())


def _filled(value: Any, live: Any, fields: Fields) -> Any:
    if isinstance(value, list):
        made = list(value)
        for key, below in fields.items():
            place, (there, inner) = _place(made, key), _at(live, key)
            if place is not None:
                made[place] = _filled(made[place], inner, below)
            elif there:
                made.append(inner)
        return made
    if not isinstance(value, dict):
        return value
    named = {**value}
    for key, below in fields.items():
        (has, inner), (there, lives) = _at(value, key), _at(live, key)
        if has:
            named[key[2:]] = _filled(inner, lives, below)
        elif there:
            named[key[2:]] = lives
    return named


def _both(some: Fields, others: Fields) -> dict[str, Any]:
    """Return the fields that are in both sets."""
    found: dict[str, Any] = {}
    for key, below in some.items():
        if key == _ALL or key not in others:
            continue
        inner = others[key]
        if not below or not inner:
            found[key] = {}
        elif more := _both(below, inner):
            found[key] = {**more, _ALL: {}} if _ALL in below else more
    return found


def _without(fields: Fields, gone: Fields) -> dict[str, Any]:
    """Return a set of fields without others, and without parents that have nothing left."""
    left: dict[str, Any] = {}
    for key, below in fields.items():
        if key not in gone:
            left[key] = below
        elif below and gone[key]:
            inner = _without(below, gone[key])
            if inner.keys() - {_ALL}:
                left[key] = inner
    return left


def _joined(some: Fields, others: Fields) -> dict[str, Any]:
    made = dict(some)
    for key, below in others.items():
        made[key] = _joined(made[key], below) if key in made else below
    return made


def _cut(value: Any, fields: Fields) -> Any:
    """Return a value without fields; None where nothing of it is left."""
    if isinstance(value, list):
        return _cut_items(value, fields)
    if not isinstance(value, dict) or not fields:
        return None
    made = dict(value)
    for key, below in fields.items():
        name = key[2:]
        if name in made:
            inner = _cut(made.pop(name), below)
            made |= {} if inner is None else {name: inner}
    return made or None


def _cut_items(items: Sequence[Any], fields: Fields) -> list[Any] | None:
    if not fields:
        return None
    made = list(items)
    for key, below in fields.items():
        place = _place(made, key)
        if place is None:
            continue
        item = made.pop(place)
        names = json.loads(key[2:]) if key.startswith("k:") else {}
        # Without what tells it apart it is no item, whatever defaults it has.
        if below and not any(f"f:{name}" in below for name in names):
            made.insert(place, _cut(item, below))
    return made or None
