"""What a key of a file of settings is, as people and their editors are told."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class SettingKind(StrEnum):
    """What can be the value of a key."""

    TEXT = "text"
    LIST = "list of texts"
    EITHER = "text, or list of texts"
    FLAG = "true or false"
    NUMBER = "number"


class Key(NamedTuple):
    """A key: `table` is its table's dotted path, in which NAME stands for any name.

    `default` is what holds without it, in words or as TOML; `example` is a value as TOML has it.
    `words` are the only texts that are accepted, if there is a choice.
    """

    table: str
    name: str
    kind: SettingKind
    default: str
    meaning: str
    example: str
    words: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """Return the key with its table, as messages and commits name it."""
        return f"[{self.table}] {self.name}" if self.table else self.name
