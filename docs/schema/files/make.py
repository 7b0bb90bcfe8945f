"""Write what is made of `gitops_cli/domain/settings_keys.py`: run by `make pictures`.

The JSON Schemas of gitops.toml and of the user's config, for editors, and the tables of
docs/gitops-toml.md. tests/domain/test_settings_keys.py holds all of them against the keys.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gitops_cli.domain.setting import Key, SettingKind
from gitops_cli.domain.settings_keys import FILES, NOTES

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "gitops-toml.md"

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def schema(file: str) -> str:
    """Return the JSON Schema of a file, in the draft that TOML's editors know."""
    top = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:gitops-cli:file:{file}",
        "title": file,
        "description": NOTES[file],
        **_closed(),
    }
    for key in FILES[file]:
        table = top
        for name in filter(None, key.table.split(".")):
            table = _inside(table, name)
        if key.name.isupper():
            table["additionalProperties"] = _value(key)
        else:
            table["properties"][key.name] = _value(key)
    return json.dumps(top, indent=2, ensure_ascii=False) + "\n"


def _closed() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _inside(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the schema of a table in a table; a name in capitals is any name."""
    if not name.isupper():
        found: dict[str, Any] = table["properties"].setdefault(name, _closed())
        return found
    if table["additionalProperties"] is False:
        table["additionalProperties"] = _closed()
    any_name: dict[str, Any] = table["additionalProperties"]
    return any_name


def _value(key: Key) -> dict[str, Any]:
    text = {**_TEXT, "enum": list(key.words)} if key.words else _TEXT
    texts = {"type": "array", "items": text}
    kinds: dict[SettingKind, dict[str, Any]] = {
        SettingKind.TEXT: text,
        SettingKind.LIST: texts,
        SettingKind.EITHER: {"anyOf": [text, texts]},
        SettingKind.FLAG: {"type": "boolean"},
        SettingKind.NUMBER: {"type": "integer", "minimum": 0},
    }
    told = {"description": key.meaning, **kinds[key.kind], "examples": [toml(key.example)]}
    default = toml(key.default)
    return told if default is None else {**told, "default": default}


def toml(value: str) -> Any:
    """Return what a value in TOML stands for; None if it is words."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return None


def table(file: str) -> str:
    """Return the page's table of a file's keys."""
    rows = ["| key | value | default | what it does | example |", "|---|---|---|---|---|"]
    return "\n".join([*rows, *(_row(key) for key in FILES[file])])


def _row(key: Key) -> str:
    words = f": {_code(key.words)}" if key.words else ""
    default = key.default if toml(key.default) is None else f"`{key.default}`"
    cells = (f"`{key.heading}`", f"{key.kind}{words}", default, key.meaning, f"`{key.example}`")
    return f"| {' | '.join(cells)} |"


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def page(text: str) -> str:
    """Return the page's text with its tables made anew."""
    for file in FILES:
        begin, end = f"<!-- keys of {file} -->\n", "\n<!-- end -->"
        between = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
        text = between.sub(lambda found, file=file: found[1] + table(file) + found[2], text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    for file in FILES:
        (HERE / f"{file.removesuffix('.toml')}.json").write_text(schema(file), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
