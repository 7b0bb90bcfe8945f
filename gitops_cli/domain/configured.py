"""What holds here, and where it comes from."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT = "default"


Value = str | bool | tuple[str, ...]


class Setting(NamedTuple):
    """A value and its origin: `FILE:LINE`, the name of a variable, or `default`."""

    key: str
    value: Value
    origin: str
