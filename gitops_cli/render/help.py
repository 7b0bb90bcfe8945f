"""Help topics, and the version."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from gitops_cli import __version__
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.help_topics import EXIT_CODES_NOTE, FORMATS, FORMATS_NOTE, VARIABLES
from gitops_cli.render.view import Column, Flow, Line, Records, Table, View


def topics_view(topics: Iterable[str]) -> View:
    """Return what can be asked for."""
    names = list(topics)
    lines = [Line(f"gitops help {name}") for name in names]
    records = Records("topics", "topic=value", "{topic}")
    blocks = (*lines, Line("gitops COMMAND --help"))
    return View("topics", {"topics": names}, blocks, records=records)


def exit_codes_view() -> View:
    rows = [[str(int(code)), code.meaning] for code in ExitCode]
    document = {"exit_codes": [{"code": int(c), "meaning": c.meaning} for c in ExitCode]}
    table = Table((Column("code", right=True), Column("meaning", flow=Flow.PROSE)), rows)
    records = Records("exit_codes", "code meaning", "{code}")
    blocks = (table, Line(""), Line(EXIT_CODES_NOTE))
    return View("exit-codes", document, blocks, records=records)


def environment_view() -> View:
    """Return the environment variables that are read."""
    rows = [[name, meaning] for name, meaning in VARIABLES.items()]
    document = {"variables": [{"name": n, "meaning": m} for n, m in VARIABLES.items()]}
    return View(
        "variables",
        document,
        (Table((Column("variable"), Column("meaning", flow=Flow.PROSE)), rows),),
        records=Records("variables", "variable=name meaning", "{variable}"),
    )


def formats_view() -> View:
    """Return the formats of -o/--output."""
    rows = [[name, meaning] for name, meaning in FORMATS.items()]
    document = {"formats": [{"name": n, "meaning": m} for n, m in FORMATS.items()]}
    table = Table((Column("format"), Column("meaning", flow=Flow.PROSE)), rows)
    records = Records("formats", "format=name meaning", "{format}")
    return View("formats", document, (table, Line(""), Line(FORMATS_NOTE)), records=records)


def keys_view(file: str) -> View:
    """Return the keys of gitops.toml or of the user's config."""
    from gitops_cli.domain.settings_keys import FILES, NOTES

    document = {
        "file": file,
        "keys": [
            {
                "table": key.table,
                "key": key.name,
                "type": key.kind.value,
                "words": list(key.words),
                "default": key.default,
                "meaning": key.meaning,
                "example": key.example,
            }
            for key in FILES[file]
        ],
    }
    rows = [
        [key.heading, f"{key.meaning} ({key.kind}; default: {key.default})", key.example]
        for key in FILES[file]
    ]
    columns = (Column("key"), Column("meaning", flow=Flow.PROSE), Column("example", wide=True))
    records = Records("keys", "table key type words default meaning example", "{table}.{key}")
    blocks = (Table(columns, rows), Line(""), Line(NOTES[file]))
    return View("keys", document, blocks, records=records)


def version_view(git: str | None) -> View:
    """Return what a bug report needs to say."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    document = {
        "version": __version__,
        "python": platform.python_version(),
        "git": git,
        "system": system,
    }
    return View(
        "version",
        document,
        (
            Line(f"gitops {__version__}"),
            Line(f"python {platform.python_version()}"),
            Line(f"git {git or 'not found'}"),
            Line(system),
        ),
        records=Records("", "version python git system", "{version}"),
    )
