"""TOML that somebody else wrote: bounded before it is read, and each key with its line."""

from __future__ import annotations

import re
from typing import Any

from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple

MAX_PARTS = 32  # of a dotted key: the standard library keeps every beginning of every key
_MARK = b"\xef\xbb\xbf"
# Strings and comments as wholes, each with its end if it has one; between them, what counts.
# Compiled when first used (`re` keeps it): most files have no line for it. Nothing here is tried
# again from another place, so its time grows with the file and no faster.
_TOKENS = (
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+"
    r"|(?P<dot>\.)"
    r"|(?P<end>[\n=,{\[])"
)
_KEY = r"[A-Za-z0-9_\-.\"' ]+"


class BadToml(ValueError):
    """A file that is no TOML, or more of it than is read; `line` is where."""

    def __init__(self, line: int, defect: str) -> None:
        super().__init__(defect)
        self.line = line


class Document(NamedTuple):
    """A TOML file: its content, and where its keys stand."""

    content: dict[str, Any]
    lines: KeyLines


def parse_toml(data: bytes, *, most: int) -> Document:
    """Read a TOML file of at most so many bytes. Raises BadToml.

    Whatever stands in it, the time and memory it takes are those of its length.
    """
    import tomllib  # 6 ms, where there is a file

    if len(data) > most:
        raise BadToml(1, f"larger than {most} bytes")
    data = data.removeprefix(_MARK)  # some editors write one; nothing but us reads these files
    try:
        source = data.decode()
        _check_depth(source)
        return Document(tomllib.loads(source), KeyLines(source))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadToml(line, "is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else source.count("\n") + 1
        raise BadToml(line, one_line(str(error))) from error
    except RecursionError as error:
        raise BadToml(1, "is nested too deeply") from error
    except BadToml:
        raise
    except ValueError as error:  # such as a number of 5,000 digits
        raise BadToml(1, one_line(str(error))) from error


def quoted(value: str) -> str:
    """Return a text as TOML writes it on one line."""
    # TOML's basic strings take JSON's escapes; these are the characters that need one.
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 0x20 or ord(c) == 0x7F else "\\" + c if c in '"\\' else c
        for c in value.encode(errors="replace").decode()  # half a character cannot be written
    )
    return f'"{escaped}"'


def _check_depth(source: str) -> None:
    if all(line.count(".") < MAX_PARTS for line in source.split("\n")):
        return  # nearly always
    parts = 1
    for token in re.finditer(_TOKENS, source, re.DOTALL):
        if token["end"]:
            parts = 1
        elif token["dot"]:
            parts += 1
            if parts > MAX_PARTS:
                line = source.count("\n", 0, token.start()) + 1
                raise BadToml(line, f"a key has more than {MAX_PARTS} parts")


class KeyLines:
    """Where keys stand in a TOML file, as near as a reader of text can tell.

    The whole file is looked through when the first line is asked for, and only then.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._first: dict[tuple[str, ...], int] | None = None
        self._last: dict[tuple[str, ...], int] = {}

    def of(self, dotted: str) -> int:
        """Return the line of a key, or of the first thing in it, or of its table; at least 1."""
        if self._first is None:
            self._first = self._read()
        wanted = tuple(dotted.split("."))
        found = self._first.get(wanted)
        if found is not None:
            return found
        beginnings = (wanted[:length] for length in range(1, min(len(wanted), MAX_PARTS)))
        return max((self._last.get(beginning, 1) for beginning in beginnings), default=1)

    def _read(self) -> dict[tuple[str, ...], int]:
        first: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._source.split("\n"), 1):
            stripped = line.strip()
            if stripped.startswith("["):
                path = table = _parts(stripped.partition("]")[0].lstrip("["))
            else:
                key, equals, _ = stripped.partition("=")
                key = key.rstrip()
                if not equals or not re.fullmatch(_KEY, key):
                    continue
                path = table + _parts(key)
            self._last[path] = number
            for length in range(1, len(path) + 1):
                first.setdefault(path[:length], number)
        return first


def _parts(key: str) -> tuple[str, ...]:
    """Return a key's parts; beyond the depth of any key it is text that looks like one."""
    return tuple(part.strip().strip("\"'") for part in key.split(".", MAX_PARTS)[:MAX_PARTS])
