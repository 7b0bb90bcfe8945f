"""What holds here, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = "default"


Value = str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its origin: `FILE:LINE`, the name of a variable, or `default`."""

    key: str
    value: Value
    origin: str
