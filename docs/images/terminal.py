"""Draw terminal.svg: what gitops really prints, on a pseudo-terminal in a sandbox of its own.

Run by `make pictures`. It needs the `sandbox` extra and the test dependencies.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

GITOPS = Path(sys.executable).with_name("gitops")
COLUMNS = 120
ENVIRONMENT = "project1-production"
# Each line is typed as it stands; the answer, if any, follows the question.
LINES = (
    ("gitops promote authentication --from dev --to prod", "y"),
    (f"gitops diff {ENVIRONMENT}", None),
    (f"gitops sync {ENVIRONMENT} --wait", None),
)
THEME = TerminalTheme(
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
# Rich's own template loads a font from the network; a reader's monospace font will do.
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)

TOKENS = re.compile(r"([\r\n]|[^\x1b\r\n]+)|(\x1b\[\??([0-9;]*)([A-Za-z]))")


def main(target: Path) -> None:
    """Write the picture to `target`."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "TERM": "xterm-256color"}
        environment.pop("CI", None)
        _run("sandbox", "up", "-q", env=environment)
        try:
            settings = _run("sandbox", "env", env=environment)
            for line in settings.splitlines():
                name, _, value = line.removeprefix("export ").partition("=")
                environment[name] = value.strip("'\"")
            shown = "".join(_typed(line, answer, environment) for line, answer in LINES)
        finally:
            _run("sandbox", "down", env=environment)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(shown.rstrip("\n")), soft_wrap=True)
    svg = console.export_svg(title="gitops", theme=THEME, unique_id="gitops")
    target.write_text(FONT.sub("", svg))


def _run(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run([GITOPS, *words], env=env, check=True, capture_output=True, text=True)
    return done.stdout


def _typed(line: str, answer: str | None, environment: dict[str, str]) -> str:
    program, *words = line.split()
    process = pexpect.spawn(
        str(GITOPS.with_name(program)),
        words,
        env=environment,
        dimensions=(200, COLUMNS),
        encoding="utf-8",
        timeout=60,
    )
    written = io.StringIO()
    process.logfile_read = written
    if answer is not None:
        process.expect(r"\(y/N\)")
        process.send(answer + "\r")
    process.expect(pexpect.EOF)
    process.close()
    return f"\x1b[1;32m$\x1b[0m \x1b[1m{line}\x1b[0m\n{_screen(written.getvalue())}\n"


def _screen(raw: str) -> str:
    """Return what stays on the screen: each line as it was drawn last."""
    rows, row, anew = [""], 0, False
    for text, sequence, number, way in TOKENS.findall(raw):
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
        rows += [""] * (row + 1 - len(rows))
    return "".join(f"{line}\n" for line in rows if Text.from_ansi(line).plain.strip())


if __name__ == "__main__":
    main(Path(__file__).with_suffix(".svg"))
