"""Label and field selectors of a LIST or a watch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gitops_cli.sandbox.emulator.failures import bad_request

Json = dict[str, Any]
Match = Callable[[Json], bool]

_TERM = re.compile(
    r"\s*(?P<absent>!)?\s*(?P<key>[A-Za-z0-9./_-]+)\s*"
    r"(?:(?P<op>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*)|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?"
    r"\s*(?:,|\Z)"
)
_FIELDS = {"metadata.name", "metadata.namespace", "status.phase", "type", "reason"}


def selection(labels: str, fields: str) -> Match:
    """Return the test for objects that both selectors take."""
    tests = [*_label_tests(labels), *_field_tests(fields)]
    return lambda body: all(test(body) for test in tests)


def _label_tests(text: str) -> list[Match]:
    tests, position = [], 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or term.end() == position:
            raise bad_request(f"unable to parse requirement: {text[position:]}")
        tests.append(_label_test(term))
        position = term.end()
    return tests


def _label_test(term: re.Match[str]) -> Match:
    key = term["key"]
    if term["set"]:
        values = {value.strip() for value in term["values"].split(",")}
        wanted = term["set"] == "in"
        return lambda body: (_labels(body).get(key) in values) is wanted
    if term["op"]:
        value, equal = term["value"], term["op"] != "!="
        return lambda body: (_labels(body).get(key) == value) is equal
    present = not term["absent"]
    return lambda body: (key in _labels(body)) is present


def _field_tests(text: str) -> list[Match]:
    return [_field_test(term) for term in text.split(",") if term]


def _field_test(term: str) -> Match:
    path, unequal, value = term.partition("!=")
    if not unequal:
        path, _, value = term.replace("==", "=").partition("=")
    if path not in _FIELDS and not path.startswith("involvedObject."):
        known = '"metadata.name", "metadata.namespace"'
        raise bad_request(f'"{path}" is not a known field selector: only {known}')
    return lambda body: (_field(body, path) == value) is not bool(unequal)


def _field(body: Json, path: str) -> str:
    value: Any = body
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def _labels(body: Json) -> Json:
    return body["metadata"].get("labels") or {}
