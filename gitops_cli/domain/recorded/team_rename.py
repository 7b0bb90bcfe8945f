"""What becomes of gitops.toml when a service gets another name: its text, changed and proved.

The file is somebody's: comments, order and spelling stay. So lines are changed, and the result is
read again; what does not come out as it was meant is refused, not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.files import MAX_SETTINGS_BYTES, SETTINGS
from gitops_cli.domain.toml import BadToml, parse_toml, quoted

_TABLE = "service"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def with_service_renamed(data: bytes, old: ServiceName, new: ServiceName) -> bytes:
    """Return the file with `[service.OLD]` called `[service.NEW]`; raises UsageError."""
    before = _content(data)
    services = before[_TABLE]
    wanted = {**before, _TABLE: {new if n == old else n: t for n, t in services.items()}}
    named = re.compile(rf"(\ufeff?\s*\[?\s*{_pattern(_TABLE)}\s*\.\s*){_pattern(old)}(?=\s*[].=])")
    inside = re.compile(rf"(\s*){_pattern(old)}(?=\s*[.=])")  # the table [service]
    lines, table = [], ""
    for line in data.decode().split("\n"):
        if heading := re.match(r"\ufeff?\s*\[\s*([^][]*?)\s*\]", line):
            table = heading[1]
        found = named.match(line)
        if found is None and re.fullmatch(_pattern(_TABLE), table):
            found = inside.match(line)
        lines.append(line if found is None else f"{found[1]}{_key(new)}{line[found.end() :]}")
    return _proved("\n".join(lines), wanted, old)


def with_service_copied(data: bytes, old: ServiceName, new: ServiceName) -> bytes:
    """Return the file with a `[service.NEW]` that says what `[service.OLD]` does."""
    before = _content(data)
    rules = before[_TABLE][old]
    wanted = {**before, _TABLE: {**before[_TABLE], new: rules}}
    lines = "".join(f"{key} = {_value(value)}\n" for key, value in rules.items())
    return _proved(f"{_ended(data.decode())}\n[{_TABLE}.{_key(new)}]\n{lines}", wanted, old)


def with_workload(data: bytes, service: ServiceName, workload: str) -> bytes:
    """Return the file with `[service.X] workload`, which keeps a workload under its old name."""
    before = _content(data)
    services = before.get(_TABLE, {})
    wanted = {
        **before,
        _TABLE: {**services, service: {**services.get(service, {}), "workload": workload}},
    }
    line, text = f"workload = {_value(workload)}\n", data.decode()
    header = re.compile(rf"(?m)^\s*\[\s*{_pattern(_TABLE)}\s*\.\s*{_pattern(service)}\s*\].*\n?")
    found = header.search(text)
    if found is None:
        start = f"{_ended(text)}\n" if text.strip() else text
        return _proved(f"{start}[{_TABLE}.{_key(service)}]\n{line}", wanted, service)
    return _proved(f"{_ended(text[: found.end()])}{line}{text[found.end() :]}", wanted, service)


def _content(data: bytes) -> dict[str, Any]:
    return parse_toml(data, most=MAX_SETTINGS_BYTES).content


def _proved(text: str, wanted: Mapping[str, Any], service: ServiceName) -> bytes:
    """Return the text as bytes if it says what is wanted; raises UsageError."""
    data = text.encode()
    try:
        if _content(data) == wanted:
            return data
    except BadToml:
        pass
    raise UsageError(
        f"{SETTINGS}: what it says of {service} is written so that it cannot be changed by itself",
        hint=f"write it as a table of its own, [{_TABLE}.{_key(service)}], then repeat the command",
    )


def _pattern(key: str) -> str:
    """Return a pattern for a key, bare or quoted."""
    name = re.escape(key)
    return (
        rf"(?:{name}|\"{name}\"|'{name}')" if _BARE.fullmatch(key) else rf"(?:\"{name}\"|'{name}')"
    )


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'


def _value(value: str | list[str]) -> str:
    """Return a text, or several, of gitops.toml: whatever it reads has no other kind here."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return quoted(value)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
