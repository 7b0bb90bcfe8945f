"""What of repositories is trusted on this machine, and what would be."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gitops_cli.domain.steps.content import Declared, Difference, Trusted
from gitops_cli.domain.text import plural
from gitops_cli.operations.trust import Programs
from gitops_cli.render.view import (
    Cell,
    Column,
    Flow,
    Line,
    Records,
    Style,
    Table,
    View,
    verbatim,
)

_STYLES = {
    Difference.NEW: Style.INFO,
    Difference.CHANGED: Style.WARN,
    Difference.SAME: Style.DIM,
    Difference.GONE: Style.WARN,
}


def trust_view(found: Programs, differing: Iterable[str], *, done: bool) -> View:
    """Return what would run, from which files, and how they differ from those trusted before."""
    blocks = tuple(_blocks(found, differing))
    records = Records("files", "path digest executable state", "{path}")
    return View("trust", document(found, done=done), blocks, records=records)


def document(found: Programs, *, done: bool) -> dict[str, Any]:
    """Return the document of `gitops trust -o json`."""
    return {
        "repository": found.repository,
        "commit": found.commit,
        "digest": found.digest,
        "trusted": done or found.is_trusted,
        "trusted_before": None if found.before is None else found.before.digest,
        "programs": [_program(one) for one in found.programs],
        "files": [
            {
                "path": path,
                "digest": None if path not in found.content else _digest(found, path),
                "executable": path in found.content and found.content[path].executable,
                "state": how.value,
            }
            for path, how in found.differences
        ],
    }


def _digest(found: Programs, path: str) -> str:
    return found.content[path].digest.removesuffix("+x")


def _program(one: Declared) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "stage": one.stage,
        "name": one.what.name,
        "line": one.line,
        "directory": one.program.directory,
        "commands": [list(words) for words in one.commands],
        "env": list(one.program.env),
        "paths": list(one.paths),
    }


def _blocks(found: Programs, differing: Iterable[str]) -> Iterator[Table | Line]:
    yield Line(f"{found.repository} at {found.commit[:12]} would run on this machine, as you:")
    columns = (
        Column("stage"),
        Column("what"),
        Column("runs", flow=Flow.WRAP),
        Column("in"),
        Column("gets", wide=not any(one.program.env for one in found.programs), flow=Flow.WRAP),
    )
    yield Table(columns, [row for one in found.programs for row in _rows(one)])
    files = Column("file"), Column("mode"), Column("sha256"), Column("is")
    rows = [_file(found, path, how) for path, how in found.differences]
    if rows:
        yield Table(files, rows)
    for line in differing:
        yield verbatim(line, _of_difference(line))
    if found.is_trusted and found.before is not None:
        yield Line(f"trusted since {found.before.at}: {found.digest}", Style.GOOD)
    else:
        yield Line(f"digest {found.digest}", Style.STRONG)


def _rows(one: Declared) -> Iterator[list[Cell | str]]:
    """Yield a row for each command of a program."""
    first, *more = map(shlex.join, one.commands)
    what = f"{one.kind} {one.what.name} (gitops.toml:{one.line})"
    yield [one.stage, what, first, one.program.directory, ", ".join(one.program.env)]
    for words in more:
        yield ["", "", words, "", ""]


def _file(found: Programs, path: str, how: Difference) -> list[Cell | str]:
    file = found.content.get(path)
    mode = "" if file is None else "executable" if file.executable else "file"
    return [path, mode, "" if file is None else file.digest[:12], Cell(how.value, _STYLES[how])]


def _of_difference(line: str) -> Style:
    return {"+": Style.GOOD, "-": Style.BAD, "@": Style.INFO}.get(line[:1], Style.DIM)


def list_view(trusted: Sequence[Trusted]) -> View:
    """Return what is trusted of which repositories."""
    rows = [[one.repository, one.digest[:12], one.commit[:12], one.at] for one in trusted]
    columns = [Column("repository"), Column("digest"), Column("commit"), Column("trusted at")]
    found = {
        "repositories": [
            {
                "repository": one.repository,
                "digest": one.digest,
                "commit": one.commit,
                "at": one.at,
                "programs": list(one.programs),
            }
            for one in trusted
        ]
    }
    block = Table(columns, rows) if rows else Line("nothing is trusted on this machine", Style.DIM)
    records = Records("repositories", "repository digest commit at", "{repository}")
    return View("trusted", found, (block,), records=records)


def done_line(found: Programs) -> str:
    """Return what has been done."""
    count = plural(len(found.programs), "program")
    return f"trusted on this machine: {count} of {found.repository}, exactly as shown"
