"""YAML as plain data, within limits: no types of its own, no depth and no aliases without end.

PyYAML's own composer recurses in C, so that 50 kB of brackets end the process; and an alias costs
nothing to write. Its parser, which has neither weakness, is all that is used of it.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import yaml

from gitops_cli.domain.text import one_line

T = TypeVar("T")

MOST_DEPTH = 100
MOST_VALUES = 500_000  # with each alias counted as often as it stands there
_TEXT = 64  # characters of a text that count as one more value
# The C parser is ten times faster; the package brings it on every usual platform.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "null": type(None)}
_TAG = "tag:yaml.org,2002:"
_Y_AND_N = frozenset({"y", "n"})  # booleans to some, kubectl among them
_UNPRINTABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\\ufffe\\uffff]")
_SPACES = re.compile("[\\r\\x85\\u2028\\u2029\\ufeff]")  # breaks of lines, or nothing, to some
_TRUE = frozenset({"yes", "true", "on"})
_PLAIN_BOOL = frozenset({"true", "false"})
_OCTAL = re.compile(r"[-+]?0[0-7]{1,30}\Z")
_OTHER_BASE = re.compile(r"[-+]?0(?:x[0-9a-fA-F]{1,30}|o[0-7]{1,30}|b[01]{1,70})\Z")
# As YAML 1.2 has them: beside those of 1.1 with an exponent, a sign before the dot, a leading zero.
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")


class NotPlain(ValueError):
    """It is no YAML, or exceeds a limit, in this line if that is known."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


class _Merge(str):
    """The key that takes another mapping's content over; anywhere else an ordinary text."""


MERGE = _Merge("<<")


class YamlDocument(NamedTuple):
    """One document of a stream, and the line it begins in.

    `surprises`: lines with a word such as `yes`, which YAML 1.1, and so kubectl, takes for a
    boolean.
    """

    value: Any
    line: int
    surprises: tuple[tuple[int, str], ...] = ()


def plain(data: bytes) -> Any:
    """Return the first document's mappings, lists, texts, booleans, numbers and None.

    Dates and times are texts, as kubectl has them. Of a key that comes twice the last
    counts. Raises NotPlain.
    """
    return _told(data, lambda: next(_Builder(strict=False).documents(_events(data)), NOTHING).value)


def documents(data: bytes) -> list[YamlDocument]:
    """Return all documents of a stream, without empty ones.

    As `plain`, but a key that comes twice in a mapping is refused, and numbers are those that
    kubectl reads: `0644` is 420. Keys that are numbers become their text. Raises NotPlain.
    """
    return _told(
        data, lambda: [d for d in _Builder(strict=True).documents(_events(data)) if d.value]
    )


def line_of(data: bytes, begins: int, path: Sequence[str | int]) -> int | None:
    """Return the line of a key, or of a list's item, in the document that begins in a line.

    None where it is not written there: an alias or a merge brought it.
    """
    wanted = list(path)
    with suppress(yaml.YAMLError):
        for line, first, found in _places(_events(data)):
            if first == begins and found == wanted:
                return line
    return None


def written(value: Any) -> str:
    """Return a document that kubectl, `documents` and every other YAML read as this very value.

    Texts of several lines are blocks, where they can be. PyYAML alone would leave texts plain that
    are numbers or booleans to kubectl.
    """
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return str(text)


class _Dumper(yaml.SafeDumper):
    """Repeats what YAML would abbreviate by anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text_node(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "'" if not _is_plain_text(text) else None
    if _SPACES.search(text):
        style = '"'
    elif "\n" in text and text.strip():
        style = "|"
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


def _is_plain_text(text: str) -> bool:
    return isinstance(_read(text, strict=True), str) and text.lower() not in _Y_AND_N


class _Place:
    """An open collection, and where in it the reading is."""

    def __init__(self, event: Any) -> None:
        self.is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.at: str | int = "" if self.is_mapping else -1
        self.awaits_key = self.is_mapping


def _places(events: Iterator[Any]) -> Iterator[tuple[int, int, list[str | int]]]:
    """Yield each key and item: its line, that in which its document begins, and the way to it."""
    stack: list[_Place] = []
    first = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            stack, first = [], 0
        elif isinstance(event, _CLOSING):
            stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            line = _line(event) or 1
            first = first or line
            top = stack[-1] if stack else None
            if top is not None and top.is_mapping and top.awaits_key:
                top.at, top.awaits_key = getattr(event, "value", ""), False
                yield line, first, [place.at for place in stack]
                continue
            if top is not None:
                top.awaits_key = top.is_mapping
                if isinstance(top.at, int):
                    top.at += 1
                    yield line, first, [place.at for place in stack]
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(_Place(event))


def _events(data: bytes) -> Iterator[Any]:
    events: Iterator[Any] = yaml.parse(data, Loader=_Loader)
    return events


def _told(data: bytes, read: Callable[[], T]) -> T:
    try:
        return read()
    except yaml.reader.ReaderError as error:
        raise _no_text(data, error) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise NotPlain(f"not YAML: {one_line(error.problem or str(error))}", line) from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, NotPlain):
            raise
        raise NotPlain(f"not YAML: {one_line(str(error))}") from error


def _no_text(data: bytes, error: Exception) -> NotPlain:
    """Return what is no text of YAML, and its line: where in its bytes, each parser counts anew."""
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        return NotPlain("not YAML: it is no UTF-8 text", line)
    found = _UNPRINTABLE.search(text)
    if found is None:
        return NotPlain(f"not YAML: {one_line(str(error))}")
    line = text.count("\n", 0, found.start()) + 1
    return NotPlain(f"not YAML: U+{ord(found[0]):04X} may only stand there escaped", line)


NOTHING = YamlDocument(None, 1)


class _Open:
    """A list or mapping that is being read, and how many values it has so far."""

    def __init__(self, event: Any, *, strict: bool) -> None:
        self._strict = strict
        self.anchor = event.anchor
        self.value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self.size = 1
        self._keys: list[tuple[Any, str]] = []  # one that awaits its value, and how it is written
        self._own: set[str] = set()  # keys that no merge brought

    def add(self, value: Any, size: int, line: int | None, written: str) -> None:
        self.size += size
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._keys:
            self._set(*self._keys.pop(), value, line)
        else:
            self._keys.append((value, written))

    def _set(self, key: Any, written: str, value: Any, line: int | None) -> None:
        if self._strict and type(key) is int:
            key = str(key)
        if key is MERGE:
            for part in value if isinstance(value, list) else [value]:
                for name, inner in part.items() if isinstance(part, dict) else ():
                    self.value.setdefault(name, inner)
        elif not isinstance(key, str):
            said = f", `{one_line(written)[:80]}`: put it in quotes" if written else ""
            raise NotPlain(f"a key is no text{said}", line)
        elif self._strict and key in self._own:
            raise NotPlain(f"`{one_line(key)}` stands twice in one mapping", line)
        else:
            self._own.add(key)
            self.value[key] = value


class _Builder:
    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._repeated = 0  # values that aliases have brought, of all documents
        self._stack: list[_Open] = []
        self._result: Any = None
        self._surprises: list[tuple[int, str]] = []

    def documents(self, events: Iterator[Any]) -> Iterator[YamlDocument]:
        line = 1
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._result, self._surprises, line = {}, None, [], 0
            elif isinstance(event, yaml.DocumentEndEvent):
                yield YamlDocument(self._result, line or 1, tuple(self._surprises))
            else:
                line = line or _line(event) or 1
                self._take(event)

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            size = 1 + len(event.value) // _TEXT
            self._done(self._scalar(event), size, event.anchor, event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise NotPlain("an alias of nothing", _line(event))
            value, size = self._anchors[event.anchor]
            self._repeated += size
            if self._repeated > MOST_VALUES:
                raise NotPlain("too many values", _line(event))
            self._done(value, size, None, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._stack) >= MOST_DEPTH:
                raise NotPlain("nested too deeply", _line(event))
            self._stack.append(_Open(event, strict=self._strict))
        elif isinstance(event, _CLOSING):
            ended = self._stack.pop()
            self._done(ended.value, ended.size, ended.anchor, event)

    def _done(self, value: Any, size: int, anchor: str | None, event: Any) -> None:
        if size > MOST_VALUES:
            raise NotPlain("too many values")
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if self._stack:
            self._stack[-1].add(value, size, _line(event), getattr(event, "value", ""))
        else:
            self._result = value

    def _scalar(self, event: Any) -> Any:
        value = _scalar(event, strict=self._strict)
        if isinstance(value, bool) and event.value.lower() not in _PLAIN_BOOL:
            self._surprises.append((_line(event) or 1, one_line(event.value)))
        return value


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None


def _scalar(event: Any, *, strict: bool) -> Any:
    if event.tag is not None and event.tag.startswith(_TAG):
        return _tagged(event.tag.removeprefix(_TAG), event, strict=strict)
    # `!` says that it is a text, and what a program means by a tag of its own is nothing to YAML.
    return _read(event.value, strict=strict) if event.implicit[0] and not event.tag else event.value


def _tagged(name: str, event: Any, *, strict: bool) -> Any:
    """Return a value of which the file says itself what it is, as `!!int "5"`."""
    text = event.value
    if name == "binary":
        try:
            return b64decode("".join(text.split()), validate=True).decode()
        except ValueError as error:
            raise NotPlain("!!binary: no base64 of a UTF-8 text", _line(event)) from error
    if name not in _TYPES:
        return text
    value = _read(text, strict=strict) if text or name != "null" else None
    if name == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TYPES[name]:
        raise NotPlain(f"!!{name}: `{one_line(text)[:80]}` is none", _line(event))
    return value


@lru_cache(maxsize=4096)  # keys, and most values, come again and again
def _read(text: str, *, strict: bool) -> Any:
    if text == MERGE:
        return MERGE
    resolvers = _Loader.yaml_implicit_resolvers.get(text[:1], [])
    tag = next((tag for tag, pattern in resolvers if pattern.match(text)), "")
    kind = _TYPES.get(tag.rpartition(":")[2], str)
    if kind is bool:
        return text.lower() in _TRUE
    if kind is type(None):
        return None
    if strict:
        return _as_kubectl(text, kind)
    return text if kind is str else _number(text)


def _as_kubectl(text: str, kind: type) -> int | float | str:
    """Return a number as kubectl's YAML has it: octal, of another base, with an exponent."""
    if _OCTAL.match(text):
        return int(text, 8)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    return text if kind is str and not _FLOAT.match(text) else _number(text)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            if kind is int or math.isfinite(number):
                return number
    return text  # of another base, as nobody writes it in a kubeconfig, or larger than any


_Dumper.add_representer(str, _text_node)
