"""Templates of a line: `[commit] subject`, the first of our commits, and those of notices.

It is filled with plain replacement, never with `str.format`: a team's file reaches no attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gitops_cli.domain.text import one_line

FIELDS = ("environment", "action", "services", "summary")
LONGEST = 200  # characters of the template

_FIELD = re.compile(r"\{([^{}]*)\}")


def check_template(text: str, fields: Sequence[str] = FIELDS) -> str:
    """Return a template whose every field is known; raises ValueError."""
    if text != one_line(text):
        raise ValueError("must be one line of visible characters")
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    for field in _FIELD.findall(text):
        if field not in fields:
            known = ", ".join(f"{{{name}}}" for name in fields)
            raise ValueError(f"`{{{field}}}` is not a field; there are {known}")
    if set("{}") & set(_FIELD.sub("", text)):
        raise ValueError("has a brace that belongs to no field")
    return text


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a checked template with its fields replaced; a value's own braces stay."""
    return _FIELD.sub(lambda match: values[match[1]], template)
