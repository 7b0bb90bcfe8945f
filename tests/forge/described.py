"""Exchanges with a stand-in, held against the description that its forge publishes.

What is asked has to be described: path, query and the whole document. What is answered may leave
fields out, as a stand-in does, but has none that is not described, and none of another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

from tests.registry.scripted import Reply, Request


class Description:
    """A description in OpenAPI 3, or Swagger 2; `base` is what its paths stand below."""

    def __init__(self, document: Mapping[str, Any], base: str) -> None:
        self._document = document
        self._base = base
        shared = {k: v for k, v in document.items() if k in ("components", "definitions")}
        self._shared = _with_null(shared)
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def faults(self, asked: Request, said: Reply) -> Iterator[str]:
        """Yield what of an exchange is not described."""
        path, query = urlsplit(asked.path)[2:4]
        below, method = path.removeprefix(self._base), asked.method.lower()
        fits = [name for pattern, name in self._paths if pattern.fullmatch(below)]
        known = next((name for name in fits if method in self._document["paths"][name]), None)
        if known is None:
            yield f"no such path or method: {asked.method} {path}"
            return
        at = f"{asked.method} {known}"
        operation = self._document["paths"][known][method]
        declared = [
            *operation.get("parameters", []),
            *self._document["paths"][known].get("parameters", []),
        ]
        parameters = [self._resolved(each) for each in declared]
        names = {each["name"] for each in parameters if each["in"] == "query"}
        yield from (f"{at}: query {name}" for name in parse_qs(query) if name not in names)
        if asked.body:
            yield from self._asked(at, operation, parameters, json.loads(asked.body))
        yield from self._said(at, operation, said)

    def _asked(
        self, at: str, operation: Mapping[str, Any], parameters: list[Any], content: Any
    ) -> Iterator[str]:
        bodies = [each["schema"] for each in parameters if each["in"] == "body"]
        if "requestBody" in operation:
            described = self._resolved(operation["requestBody"])["content"]
            bodies = [described["application/json"]["schema"]]
        if not bodies:
            yield f"{at}: a document, where none is described"
            return
        fields = {name.lower() for name in self._fields(bodies[0])}
        yield from (f"{at}: field {name}" for name in content if name.lower() not in fields)
        for error in self._errors(bodies[0], content):
            yield f"{at}: {error.json_path}: {error.message[:200]}"

    def _said(self, at: str, operation: Mapping[str, Any], said: Reply) -> Iterator[str]:
        described = operation["responses"].get(str(said.status))
        if described is None:
            yield f"{at}: answered {said.status}, described {sorted(operation['responses'])}"
            return
        described = self._resolved(described)
        schema = described.get("schema")
        if "content" in described:
            schema = described["content"]["application/json"]["schema"]
        if schema is None or not said.body:
            return
        content = json.loads(said.body)
        for error in self._errors(schema, content):
            yield f"{at}: answer {error.json_path}: {error.message[:200]}"
        yield from (f"{at}: answer has {name}" for name in self._unknown(schema, content, "$"))

    def _errors(self, schema: Any, content: Any) -> Iterator[Any]:
        validator = jsonschema.Draft202012Validator({**self._shared, **_with_null(schema)})
        return (e for e in validator.iter_errors(content) if not _is_left_out(e))

    def _unknown(self, schema: Any, content: Any, at: str) -> Iterator[str]:
        schema = self._resolved(schema)
        if isinstance(content, list):
            for each in content[:1]:
                yield from self._unknown(schema.get("items", {}), each, f"{at}[]")
        elif isinstance(content, dict) and (fields := self._fields(schema)):
            for name, value in content.items():
                if name not in fields:
                    yield f"{at}.{name}"
                else:
                    yield from self._unknown(fields[name], value, f"{at}.{name}")

    def _fields(self, schema: Any) -> dict[str, Any]:
        schema = self._resolved(schema)
        found = dict(schema.get("properties", {}))
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, []):
                found |= self._fields(part)
        return found

    def _resolved(self, value: Any) -> Any:
        while isinstance(value, dict) and "$ref" in value:
            found: Any = self._document
            for word in value["$ref"].removeprefix("#/").split("/"):
                found = found[word]
            value = found
        return value


def _is_left_out(error: Any) -> bool:
    """Tell whether all that is wrong is a field that is not there."""
    if error.validator in ("anyOf", "oneOf"):
        return any(map(_is_left_out, error.context or ()))
    return bool(error.validator == "required")


def _with_null(value: Any) -> Any:
    """Return a schema whose `nullable` is a type, as JSON Schema has it."""
    if isinstance(value, list):
        return [_with_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _with_null(each) for name, each in value.items()}
    if made.get("nullable"):
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
    return made
