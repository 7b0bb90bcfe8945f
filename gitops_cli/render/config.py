"""Effective settings."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.operations.config import DEFAULT, Setting, Value
from gitops_cli.render.view import Cell, Column, Records, Style, Table, View


def view(settings: Sequence[Setting], *, origins: bool) -> View:
    """Return a row per setting; the document always has the origins."""
    document = {
        "settings": [
            {
                "key": setting.key,
                "value": list(setting.value) if isinstance(setting.value, tuple) else setting.value,
                "origin": setting.origin,
            }
            for setting in settings
        ]
    }
    columns = (Column("key"), Column("value"), Column("origin", wide=not origins))
    table = Table(columns, [_row(setting) for setting in settings])
    records = Records("settings", "key value origin", "{key}")
    return View("settings", document, (table,), records=records)


def _row(setting: Setting) -> list[Cell | str]:
    style = Style.DIM if setting.origin == DEFAULT else Style.PLAIN
    return [setting.key, Cell(_text(setting.value), style), Cell(setting.origin, Style.DIM)]


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ", ".join(value)
