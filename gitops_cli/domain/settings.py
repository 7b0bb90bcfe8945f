"""Reads a file of settings strictly: every key is known, every value of its kind, or it is told.

An unknown key is a defect that names its line and the nearest known key. A defect does not end the
reading: all of them are found, and a key that has one is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.near import near
from gitops_cli.domain.recorded.files import MAX_SETTINGS_BYTES
from gitops_cli.domain.text import one_line
from gitops_cli.domain.toml import BadToml, Document, KeyLines, parse_toml

T = TypeVar("T")

_MOST_SHOWN = 200  # characters of a key
_MOST_TOLD = 5  # defects in one message
_MOST_FOUND = 100  # of one file; each is looked up in the text, and may have a near key


class Defect(NamedTuple):
    """What is wrong in a file of settings: at which key (none: the whole file), in which line."""

    path: str
    line: int
    key: tuple[str, ...]
    message: str
    hint: str | None = None

    @property
    def where(self) -> str:
        """Return `path:line`."""
        return f"{self.path}:{self.line}"


class BadSettings(ConfigurationError):
    """Defects of gitops.toml or of the user's config, each with its place."""

    def __init__(self, *defects: Defect) -> None:
        told = [f"{defect.where}: {defect.message}" for defect in defects[:_MOST_TOLD]]
        more = len(defects) - len(told)
        text = "; ".join(told) + (f"; and {more} more" if more else "")
        hints = [defect.hint for defect in defects if defect.hint]
        super().__init__(text, hint=hints[0] if hints else None)
        self.defects = defects


def parse_settings(path: str, data: bytes) -> Document:
    """Return gitops.toml or the user's config as it is written; raises BadSettings."""
    try:
        return parse_toml(data, most=MAX_SETTINGS_BYTES)
    except BadToml as error:
        raise BadSettings(Defect(path, error.line, (), str(error))) from error


class Settings(NamedTuple):
    """One table of a TOML file, which is at `at` in it; `found` are the defects so far."""

    path: str
    lines: KeyLines
    content: Mapping[str, Any]
    found: list[Defect]
    at: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str, data: bytes) -> Settings:
        content, lines = parse_settings(path, data)
        return cls(path, lines, content, [])

    def _dotted(self, key: str) -> str:
        return ".".join((*self.at, key))

    @property
    def is_full(self) -> bool:
        """Tell whether no more defects are told apart."""
        return len(self.found) >= _MOST_FOUND

    def wrong(self, key: str, message: str, hint: str | None = None) -> None:
        """Note a defect of a key; those after the hundredth are one of the whole file."""
        if self.is_full:
            if self.found[-1].key:
                more = "has more defects than are told"
                self.found.append(Defect(self.path, 1, (), more))
            return
        dotted = self._dotted(key)
        said = f"{one_line(dotted)[:_MOST_SHOWN]}: {message}"
        line = self.lines.of(dotted)
        self.found.append(Defect(self.path, line, (*self.at, key), said, hint))

    def only(self, known: Collection[str]) -> None:
        for key in self.content:
            if key not in known:
                fits = [] if self.is_full else near(key, known)
                advice = f"did you mean `{fits[0]}`?" if fits else f"known: {', '.join(known)}"
                self.wrong(key, "unknown key", hint=advice)

    def names(self, key: str) -> list[str]:
        """Return the names of the tables in a table; what is none is a defect."""
        reader = self.table(key, None)
        for name, value in reader.content.items():
            if not isinstance(value, dict):
                reader.wrong(name, "must be a table")
        return [name for name, value in reader.content.items() if isinstance(value, dict)]

    def table(self, key: str, known: Collection[str] | None) -> Settings:
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, "must be a table")
            value = {}
        reader = self._replace(content=value, at=(*self.at, key))
        if known is not None:
            reader.only(known)
        return reader

    def numbers(self) -> dict[str, int]:
        return {key: self.lines.of(self._dotted(key)) for key in self.content}

    def text(self, key: str, check: Callable[[str], object] | None = None) -> str | None:
        value = self.content.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.wrong(key, "must be a text")
            return None
        return value if check is None or self._checked(key, value, check) is not None else None

    def flag(self, key: str) -> bool:
        return bool(self.said_flag(key))

    def number(self, key: str, *, most: int) -> int:
        """Return a whole number from 0, which is the default, to `most`."""
        value = self.content.get(key, 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        self.wrong(key, f"must be a whole number from 0 to {most}")
        return 0

    def said_flag(self, key: str, *, wrong: bool | None = None) -> bool | None:
        """Return a flag that may also be left to another table; `wrong` is what a defect means."""
        value = self.content.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, "must be true or false")
        return wrong

    def word(self, key: str, words: Callable[[str], T], default: T) -> T:
        value = self.text(key)
        found = None if value is None else self._checked(key, value, words)
        return default if found is None else found

    def one_or_more(self, key: str, check: Callable[[str], str]) -> tuple[str, ...]:
        """Return a list of texts, which may be written as the one it has; empty if absent."""
        value = self.content.get(key)
        if isinstance(value, list):
            found: tuple[str, ...] = self.texts(key, (), check)
            return found
        text = self.text(key, check)
        return () if text is None else (text,)

    def texts(self, key: str, default: Any, check: Callable[[str], Any] = str) -> Any:
        value = self.content.get(key)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(key, "must be a list of texts")
            return default
        found = tuple(self._checked(key, item, check) for item in value)
        return default if None in found else found

    def _checked(self, key: str, value: str, check: Callable[[str], T]) -> T | None:
        try:
            return check(value)
        except ValueError as error:
            told = str(error)
            if isinstance(check, type) and issubclass(check, Enum):
                told = f"`{value}` is not one of {', '.join(word.value for word in check)}"
            self.wrong(key, one_line(told))
            return None


def one_of(words: Collection[str]) -> Callable[[str], str]:
    """Return a check that takes these words only."""

    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"`{text}` is not one of {', '.join(words)}")
        return text

    return check
