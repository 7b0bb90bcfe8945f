"""Hold documents against the published schemas (docs/schema), more strictly than a user must."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

DIRECTORY = Path(__file__).parents[2] / "docs" / "schema"

_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_time_with_zone(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def check(document: Any) -> None:
    """Fail unless the document is what its kind's schema says, and has no other keys."""
    assert document["apiVersion"] == "gitops-cli/v1"
    errors = list(_validator(document["kind"]).iter_errors(document))
    assert not errors, "\n".join(f"{e.json_path}: {e.message}" for e in errors)


@cache
def _validator(kind: str) -> Any:
    path = DIRECTORY / f"{kind}.json"
    assert path.is_file(), f"documents of kind {kind} have no schema: write {path}"
    schema = _closed(json.loads(path.read_text()))
    return jsonschema.Draft202012Validator(schema, format_checker=_formats)


def _closed(schema: Any) -> Any:
    """Return the schema without room for keys it does not name.

    The published ones have that room: keys may be added without a new version.
    """
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    inside = {key: _closed(value) for key, value in schema.items()}
    closed = "properties" in schema and schema.get("type") in ("object", ["object", "null"])
    return {"additionalProperties": False, **inside} if closed else inside
