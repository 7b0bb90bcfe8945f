"""Effective settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitops_cli.operations.config import DEFAULT, Changed, Setting, Value
from gitops_cli.render.view import (
    Cell,
    Column,
    Line,
    Records,
    Style,
    Table,
    View,
    verbatim,
)


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


def one_view(setting: Setting) -> View:
    """Return one setting: its value alone, for a shell."""
    return _view(setting.key, setting.value, setting.origin, verbatim(_text(setting.value)))


def changed_view(done: Changed, *, dry_run: bool) -> View:
    """Return what a key of the user's config is now."""
    would = "would be" if dry_run else "is"
    what = f"`{_text(done.value)}`" if done.value is not None else "not set"
    text = f"{done.key} {would} {what} ({done.path})"
    if not done.changed:
        text = f"nothing to do: {done.key} is {what} already ({done.path})"
    line = Line(text, Style.GOOD if done.changed else Style.DIM)
    return _view(done.key, done.value, str(done.path), line, changed=done.changed and not dry_run)


def _view(key: str, value: Value | None, origin: str, line: Line, *, changed: bool = False) -> View:
    document = {
        "key": key,
        "value": list(value) if isinstance(value, tuple) else value,
        "origin": origin,
        "changed": changed,
    }
    records = Records("", "key value origin changed", "{key}")
    return View("setting", document, (line,), records=records)


def edited_view(path: Path, *, changed: bool) -> View:
    """Return whether an editor changed the user's config."""
    text = f"{path} is changed" if changed else f"nothing to do: {path} is as it was"
    line = Line(text, Style.GOOD if changed else Style.DIM)
    return View("setting-file", {"path": str(path), "changed": changed}, (line,))


def _row(setting: Setting) -> list[Cell | str]:
    style = Style.DIM if setting.origin == DEFAULT else Style.PLAIN
    return [setting.key, Cell(_text(setting.value), style), Cell(setting.origin, Style.DIM)]


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ", ".join(value)
