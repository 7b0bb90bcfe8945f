"""Ports that somebody gave another number: to server-side apply one of ours beside one of theirs.

A port is told apart by its number, and its name must be the only one. So an object in which
somebody changed the number cannot be applied, not even by force, until theirs is ours again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gitops_cli.domain.manifests.report import Conflict

DUPLICATE = "Duplicate value"
"""What the server says of a name that two ports have."""

_NUMBERS = ("containerPort", "port")


class Clash(NamedTuple):
    """A port of a live object at a place of it, what it is to be, and who made it what it is."""

    pointer: str
    wanted: Mapping[str, Any]
    manager: str
    field: str

    @property
    def operation(self) -> dict[str, Any]:
        return {"op": "replace", "path": self.pointer, "value": dict(self.wanted)}


def clashes(live: Mapping[str, Any], content: Mapping[str, Any]) -> list[Clash]:
    """Return the ports of a live object that have the name of another one that is wanted."""
    metadata = live.get("metadata") or {}
    managed = metadata.get("managedFields")
    entries = [e for e in managed if isinstance(e, dict)] if isinstance(managed, list) else []
    return [
        Clash(pointer, wanted, _manager(entries, fields), field)
        for pointer, wanted, fields, field in _found(live, content, "", (), "")
    ]


def conflicts(found: Sequence[Clash]) -> tuple[Conflict, ...]:
    """Return the same as conflicts, by manager."""
    named: dict[str, list[str]] = {}
    for clash in found:
        named.setdefault(clash.manager, []).append(clash.field)
    return tuple(Conflict(manager, tuple(fields)) for manager, fields in named.items())


def settled(live: Mapping[str, Any], found: Sequence[Clash]) -> dict[str, Any]:
    """Return a live object with its clashing ports as they are wanted."""
    made: dict[str, Any] = json.loads(json.dumps(live))
    for clash in found:
        *way, last = clash.pointer.removeprefix("/").split("/")
        inner: Any = made
        for step in way:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        inner[int(last)] = dict(clash.wanted)
    return made


_Found = tuple[str, Mapping[str, Any], tuple[str, ...], str]


def _found(
    live: Any, wanted: Any, pointer: str, fields: tuple[str, ...], field: str
) -> Iterator[_Found]:
    if isinstance(live, dict) and isinstance(wanted, dict):
        for key, inner in wanted.items():
            if "/" in key or "~" in key or key not in live:
                continue  # no field of a kind is called so
            below = (live[key], inner, f"{pointer}/{key}", (*fields, f"f:{key}"), f"{field}.{key}")
            yield from _ports(*below) if key == "ports" else _found(*below)
    elif isinstance(live, list) and isinstance(wanted, list):
        by_name = {i["name"]: i for i in wanted if isinstance(i, dict) and _is_named(i)}
        for index, item in enumerate(live):
            if isinstance(item, dict) and _is_named(item) and item["name"] in by_name:
                told = json.dumps({"name": item["name"]}, separators=(",", ":"))
                place = (
                    f"{pointer}/{index}",
                    (*fields, f"k:{told}"),
                    f'{field}[name="{item["name"]}"]',
                )
                yield from _found(item, by_name[item["name"]], *place)


def _ports(
    live: Any, wanted: Any, pointer: str, fields: tuple[str, ...], field: str
) -> Iterator[_Found]:
    if not isinstance(live, list) or not isinstance(wanted, list):
        return
    ours = [port for port in wanted if isinstance(port, dict)]
    numbers = [_number(port) for port in ours]
    for index, port in enumerate(live):
        if not isinstance(port, dict) or not _is_named(port) or _number(port) in numbers:
            continue
        mine = next((one for one in ours if one.get("name") == port["name"]), None)
        if mine is not None and (number := _number(port)) is not None:
            told = json.dumps(number, separators=(",", ":"), sort_keys=True)
            said = ",".join(f"{key}={json.dumps(value)}" for key, value in number.items())
            follows = port.get("targetPort") == port.get("port")  # as it does where nobody says one
            kept = {key: v for key, v in port.items() if not (key == "targetPort" and follows)}
            merged = {**kept, **mine}
            yield f"{pointer}/{index}", merged, (*fields, f"k:{told}"), f"{field}[{said}]"


def _is_named(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("name"), str)


def _number(port: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return by what the server tells a port from others."""
    key = next((key for key in _NUMBERS if key in port), None)
    return None if key is None else {key: port[key], "protocol": port.get("protocol") or "TCP"}


def _manager(entries: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """Return who has a field."""
    for entry in entries:
        inner: Any = entry.get("fieldsV1")
        for field in fields:
            inner = inner.get(field) if isinstance(inner, dict) else None
        if inner is not None:
            return str(entry.get("manager") or "somebody")
    return "somebody"
