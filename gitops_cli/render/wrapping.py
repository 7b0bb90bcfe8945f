"""Sentences on as many lines as a terminal needs: broken at words, what is copied left whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len

INDENT = "  "
# Programs of which a message may give a command line without quoting it.
_PROGRAMS = "gitops|git|kubectl|docker|podman|pip|sops|helm"
_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
_WHOLE = (
    r"`[^`\n]+`[^\s`]*"  # a command, a name
    # A command line to its end: a hint that is one, or what follows a colon. What failed is told
    # by its name too, in a sentence.
    rf"|(?:^|(?<=[:?] )(?<!^error: )|(?<=; ))(?:{_PROGRAMS}) [a-z-](?:{_QUOTED}|[^;`\n])*"
    r"|(?:ssh|ecdsa|sk)-[\w@.-]{1,60} AAAA\S+(?: \S+@\S+)?"  # a public key
)
_UNIT = rf"(?P<blank>\s*)(?P<word>(?:(?!`[^`\n]+`)\S)*?(?:{_WHOLE})|\S+)"
_PREFIXES = ("error:", "hint:", "warning:")


class _Row(NamedTuple):
    """A line as it grows; `end` is the column behind it, on the terminal's last line of it."""

    text: str
    end: int


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, each fitted into `width` cells; what goes on is indented.

    A command, an address, a path or a hash is never broken: what is wider than the terminal is the
    terminal's alone to break, so that it is whole where it is pasted.
    """
    for line in text.split("\n"):
        yield from _line(line, width)


def words(text: str) -> list[str]:
    """Return what is never broken of a text: its words, and commands as one."""
    if "`" not in text and ": " not in text:
        return text.split()  # nearly always
    return [unit["word"] for unit in re.finditer(_UNIT, text)]


def _line(text: str, width: int) -> Iterator[str]:
    if cell_len(text) <= width:
        yield text
        return
    said = text.lstrip(" ")
    margin = " " * (len(text) - len(said))
    indent = margin + INDENT
    row = _Row("", 0)
    for unit in re.finditer(_UNIT, said):
        blank, word = (unit["blank"], unit["word"]) if row.text else (margin, unit["word"])
        if _stays(row, blank, word, width, len(indent)):
            row = _grown(row, blank + word, width)
        else:
            yield row.text
            row = _grown(_Row("", 0), indent + word, width)
    yield row.text


def _stays(row: _Row, blank: str, word: str, width: int, indent: int) -> bool:
    """Tell whether a word stands on the line that there is."""
    size = cell_len(word)
    if not row.text or row.end + len(blank) + size <= width:
        return True
    return indent + size > width and row.text in _PREFIXES


def _grown(row: _Row, text: str, width: int) -> _Row:
    end = row.end + cell_len(text)
    return _Row(row.text + text, end if end <= width else (end - 1) % width + 1)
