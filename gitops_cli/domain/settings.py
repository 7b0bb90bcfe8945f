"""Reads a file of settings strictly: every key is known, every value of its kind, or it is told.

An unknown key is an error that names its line and the nearest known key.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.domain.toml import BadToml, Document, Lines, parse_toml

T = TypeVar("T")

MAX_SETTINGS_BYTES = 1 << 18  # of gitops.toml: two thousand services, with room
_MOST_SHOWN = 200  # characters of a key


class BadSettings(ConfigurationError):
    """A defect of gitops.toml or of the user's config, with its place."""

    def __init__(self, path: str, line: int, defect: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path}:{line}: {defect}", hint=hint)
        self.path = path
        self.line = line
        self.defect = defect


def parse_settings(path: str, data: bytes) -> Document:
    """Return gitops.toml or the user's config as it is written; raises BadSettings."""
    try:
        return parse_toml(data, most=MAX_SETTINGS_BYTES)
    except BadToml as error:
        raise BadSettings(path, error.line, str(error)) from error


class Settings(NamedTuple):
    """One table of a TOML file; `prefix` is its dotted path."""

    path: str
    lines: Lines
    content: Mapping[str, Any]
    prefix: str = ""

    @classmethod
    def of(cls, path: str, data: bytes) -> Settings:
        content, lines = parse_settings(path, data)
        return cls(path, lines, content)

    def _dotted(self, key: str) -> str:
        return f"{self.prefix}.{key}" if self.prefix else key

    def wrong(self, key: str, message: str, hint: str | None = None) -> BadSettings:
        dotted = self._dotted(key)
        shown = one_line(dotted)[:_MOST_SHOWN]
        return BadSettings(self.path, self.lines.of(dotted), f"{shown}: {message}", hint=hint)

    def only(self, known: Collection[str]) -> None:
        for key in self.content:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                advice = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                raise self.wrong(key, "unknown key", hint=advice)

    def names(self, key: str) -> list[str]:
        return list(self.table(key, None).content)

    def table(self, key: str, known: Collection[str] | None) -> Settings:
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        reader = Settings(self.path, self.lines, value, self._dotted(key))
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
            raise self.wrong(key, "must be a text")
        if check is not None:
            self._checked(key, value, check)
        return value

    def flag(self, key: str) -> bool:
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def said_flag(self, key: str) -> bool | None:
        """Return a flag that may also be left to another table."""
        return self.flag(key) if key in self.content else None

    def word(self, key: str, words: Callable[[str], T], default: T) -> T:
        value = self.text(key)
        return default if value is None else self._checked(key, value, words)

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
            raise self.wrong(key, "must be a list of texts")
        return tuple(self._checked(key, item, check) for item in value)

    def _checked(self, key: str, value: str, check: Callable[[str], T]) -> T:
        try:
            return check(value)
        except ValueError as error:
            raise self.wrong(key, one_line(str(error))) from error
