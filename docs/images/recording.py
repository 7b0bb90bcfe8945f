"""What gitops prints on a pseudo-terminal in a sandbox of its own, as pictures in light and dark.

Of the scripts beside it, which `make pictures` runs. It needs the `sandbox` extra and the test
dependencies.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

GITOPS = Path(sys.executable).with_name("gitops")
DARK = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)
LIGHT = TerminalTheme(
    (255, 255, 255),
    (31, 35, 40),
    [
        (87, 96, 106),
        (207, 34, 46),
        (17, 99, 41),
        (154, 103, 0),
        (9, 105, 218),
        (130, 80, 223),
        (27, 124, 131),
        (110, 119, 129),
    ],
)
# Rich's own template loads a font from the network; a reader's monospace font will do.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_LINK = re.compile(r"\x1b\]8;[^\x1b]*\x1b\\")
_HEX = re.compile(r"#[0-9a-f]{6}\b")
_ATTRIBUTE = re.compile(r'\bfill="(#[0-9a-f]{6})"')
_TOKENS = re.compile(r"([\r\n]|[^\x1b\r\n]+)|(\x1b\[\??([0-9;]*)([A-Za-z]))")


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """Yield the variables of a shell in a sandbox that is up."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "TERM": "xterm-256color"}
        for name in ("CI", "NO_COLOR", "GITOPS_REPO", "KUBECONFIG"):
            environment.pop(name, None)
        run("sandbox", "up", "-q", env=environment)
        try:
            settings = run("sandbox", "env", env=environment)
            for line in settings.splitlines():
                name, _, value = line.removeprefix("export ").partition("=")
                environment[name] = value.strip("'\"")
            yield environment
        finally:
            run("sandbox", "down", env=environment)


def run(*words: str, env: Mapping[str, str]) -> str:
    """Run gitops and return what it prints."""
    done = subprocess.run([GITOPS, *words], env=env, check=True, capture_output=True, text=True)
    return done.stdout


def typed(
    line: str, environment: Mapping[str, str], *, columns: int, answer: str | None = None
) -> str:
    """Return a command and what stays on the screen of it, after the answer to its question."""
    process = _started(line, environment, columns)
    written = io.StringIO()
    process.logfile_read = written
    if answer is not None:
        process.expect(r"\(y/N\)")
        process.send(answer + "\r")
    process.expect(pexpect.EOF)
    process.close()
    return _prompt(line) + _last_lines(_LINK.sub("", written.getvalue())) + "\n"


def menu(line: str, environment: Mapping[str, str], *, columns: int, search: str) -> str:
    """Return a command and the menu it shows after something was searched for in it."""
    process = _started(line, environment, columns)
    written = io.StringIO()
    process.logfile_read = written
    process.expect("type to search")
    process.send(search)
    process.expect(re.escape(search) + r"\x1b\[0m\.\.\.")
    screen = pyte.Screen(columns, 40)
    pyte.Stream(screen).feed(written.getvalue())
    process.sendintr()
    process.close()
    return _prompt(line) + "\n".join(row.rstrip() for row in screen.display).rstrip() + "\n"


def _started(line: str, environment: Mapping[str, str], columns: int) -> pexpect.spawn[str]:
    program, *words = line.split()
    return pexpect.spawn(
        str(GITOPS.with_name(program)),
        words,
        env=dict(environment),
        dimensions=(200, columns),
        encoding="utf-8",
        timeout=60,
    )


def _prompt(line: str) -> str:
    return f"\x1b[1;32m$\x1b[0m \x1b[1m{line}\x1b[0m\n"


def _last_lines(raw: str) -> str:
    """Return what stays on the screen: each line as it was drawn last."""
    rows, row, anew, erased = [""], 0, False, set()
    for text, sequence, number, way in _TOKENS.findall(raw):
        if text == "\n":
            row, anew = row + 1, False
        elif text == "\r" or way == "D":
            anew = True
        elif text:
            rows[row], anew = ("" if anew else rows[row]) + text, False
        elif way == "m":
            rows[row] += sequence
        elif way in "AB":
            row = max(row + int(number or 1) * (-1 if way == "A" else 1), 0)
        elif sequence == "\x1b[2K":
            rows[row], anew = "", False
            erased.add(row)
        rows += [""] * (row + 1 - len(rows))
    kept = (line for at, line in enumerate(rows) if at not in erased or _is_text(line))
    return "\n".join(kept).rstrip() + "\n"


def _is_text(line: str) -> bool:
    return bool(Text.from_ansi(line).plain.strip())


def draw(target: Path, shown: str, *, columns: int) -> None:
    """Write a picture of what is shown; its colours are those that the reader's page has."""
    light, dark = (_svg(shown, theme, columns) for theme in (LIGHT, DARK))
    pairs = list(zip(_HEX.findall(light), _HEX.findall(dark), strict=True))
    names = {pair: f"--c{number}" for number, pair in enumerate(dict.fromkeys(pairs))}
    left = iter(pairs)
    drawn = _ATTRIBUTE.sub(r'style="fill:\1"', light)
    drawn = _HEX.sub(lambda _: f"var({names[next(left)]})", drawn)
    day = "".join(f"{name}:{pair[0]};" for pair, name in names.items())
    night = "".join(f"{name}:{pair[1]};" for pair, name in names.items())
    colours = f":root{{{day}}}@media(prefers-color-scheme:dark){{:root{{{night}}}}}"
    target.write_text(drawn.replace("<style>", f"<style>{colours}", 1))


def _svg(shown: str, theme: TerminalTheme, columns: int) -> str:
    console = Console(record=True, width=columns, file=io.StringIO())
    for line in Text.from_ansi(shown.rstrip("\n")).split("\n", allow_blank=True):
        # As a terminal does: at its edge, in the middle of a word.
        for part in line.divide(range(columns, max(len(line), 1), columns)):
            console.print(part, soft_wrap=True)
    svg = console.export_svg(title="gitops", theme=theme, unique_id="gitops")
    return _FONT.sub("", svg)
