"""YAML as plain data, within limits: no types of its own, no depth and no aliases without end.

PyYAML's own composer recurses in C, so that 50 kB of brackets end the process; and an alias costs
nothing to write. Its parser, which has neither weakness, is all that is used of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import yaml

from gitops_cli.domain.text import one_line

MOST_DEPTH = 100
MOST_VALUES = 500_000  # with each alias counted as often as it stands there
# The C parser is ten times faster; the package brings it on every usual platform.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "null": type(None)}
_TRUE = frozenset({"yes", "true", "on"})


class NotPlain(ValueError):
    """It is no YAML, or exceeds a limit, in this line if that is known."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


class _Merge(str):
    """The key that takes another mapping's content over; anywhere else an ordinary text."""


MERGE = _Merge("<<")


def plain(data: bytes) -> Any:
    """Return the first document's mappings, lists, texts, booleans, numbers and None.

    Dates and times are texts, as kubectl has them. Of a key that comes twice the last
    counts. Raises NotPlain.
    """
    try:
        return _Builder().built(yaml.parse(data, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise NotPlain(f"not YAML: {one_line(error.problem or str(error))}", line) from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, NotPlain):
            raise
        raise NotPlain(f"not YAML: {one_line(str(error))}") from error


class _Open:
    """A list or mapping that is being read, and how many values it has so far."""

    def __init__(self, event: Any) -> None:
        self.anchor = event.anchor
        self.value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self.size = 1
        self._keys: list[Any] = []

    def add(self, value: Any, size: int) -> None:
        self.size += size
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._keys:
            self._set(self._keys.pop(), value)
        else:
            self._keys.append(value)

    def _set(self, key: Any, value: Any) -> None:
        if key is MERGE:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    self.value = {**part, **self.value}
        elif isinstance(key, str):
            self.value[key] = value
        else:
            raise NotPlain("a key is no text")


class _Builder:
    def __init__(self) -> None:
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._stack: list[_Open] = []
        self._result: Any = None

    def built(self, events: Any) -> Any:
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
            self._take(event)
        return self._result

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._done(_scalar(event), 1, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise NotPlain("an alias of nothing", _line(event))
            self._done(*self._anchors[event.anchor], None)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._stack) >= MOST_DEPTH:
                raise NotPlain("nested too deeply", _line(event))
            self._stack.append(_Open(event))
        elif isinstance(event, _CLOSING):
            ended = self._stack.pop()
            self._done(ended.value, ended.size, ended.anchor)

    def _done(self, value: Any, size: int, anchor: str | None) -> None:
        if size > MOST_VALUES:
            raise NotPlain("too many values")
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if self._stack:
            self._stack[-1].add(value, size)
        else:
            self._result = value


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None


def _scalar(event: Any) -> Any:
    if not event.implicit[0]:
        return event.value
    if event.value == MERGE:
        return MERGE
    resolvers = _Loader.yaml_implicit_resolvers.get(event.value[:1], [])
    tag = next((tag for tag, pattern in resolvers if pattern.match(event.value)), "")
    kind = _TYPES.get(tag.rpartition(":")[2], str)
    if kind is bool:
        return event.value.lower() in _TRUE
    if kind is type(None):
        return None
    return event.value if kind is str else _number(event.value)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text  # of another base, as nobody writes it in a kubeconfig
