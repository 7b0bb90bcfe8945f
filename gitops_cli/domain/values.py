"""Named tuples without typing's checks of their annotations: half of what making one costs.

A command makes some seventy of these classes before it does anything. `typing.NamedTuple` compiles
each annotation, which is a text here, only to see that it could be a type; mypy has seen more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    _MADE = frozenset({"__annotations__", "__module__", "__qualname__"})

    class _Making(type):
        """Makes a named tuple of a class body: its annotations are the fields."""

        def __new__(mcs, name, bases, body):
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = {field: body.pop(field) for field in fields if field in body}
            if list(defaults) != list(fields)[len(fields) - len(defaults) :]:
                raise TypeError(f"{name}: a field without a default follows one that has it")
            module = body["__module__"]
            made = namedtuple(name, fields, defaults=defaults.values(), module=module)
            made.__annotations__ = fields
            made.__qualname__ = body["__qualname__"]
            for key, value in body.items():
                if key not in _MADE:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Making):
        """As typing's: a class body of annotated fields, perhaps with defaults, and methods."""
