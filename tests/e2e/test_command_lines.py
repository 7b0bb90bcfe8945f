"""Every command line of README and docs is one that the parser takes, with the options there are.

Those of the pages that newcomers follow are typed on a terminal: test_readme.py, test_pages.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_words import SCREENS, commands_in, parse

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"))
    if path.name != "commands.md"  # made of the commands themselves
)
BLOCKS = r"^```(\w*)\n(.*?)^```"
# What stands for something else, and what it is here.
MEANT = {
    r"\[-- COMMAND…\]": "-- ls",
    r"\bSERVICE=HASH\b": f"web={'ab' * 20}",
    r"\b(SERVICE|KEY|VALUE|TOPIC|NAME|FILE|CONTEXT|URL|ENV|ID|STAGE|PATH|REV)\b…?": "web",
    r"(?<=path) …": " web",
    r" …(?= |$)": "",
    r"\bhttps?://…": "https://git.example.com/x",
    r"(\w+)(\|\w+)+": r"\1",
    r"^gitops x$": "gitops status",
    r"^gitops up ": "gitops promote ",  # an alias of the page's
}
WHOLE = r"gitops [a-z]"


def lines(page: Path) -> Iterator[str]:
    """Yield the lines of a page that begin with gitops: of its blocks, and in its text."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for language, block in re.findall(BLOCKS, text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines() if language in ("", "sh") else ()
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", outside)


def calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each line with the arguments of each call in it."""
    for line in dict.fromkeys(lines(page)):
        if "gitops" not in line or not re.search(WHOLE, line):
            continue
        typed = line.partition(" #")[0].removeprefix("$ ")
        for word, here in MEANT.items():
            typed = re.sub(word, here, typed)
        for arguments in commands_in(typed):
            if tuple(arguments) not in SCREENS:  # else it is the name of a command
                yield line, arguments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_is_one(page: Path) -> None:
    wrong = []
    for line, arguments in calls(page):
        try:
            parse(arguments)
        except Exception as error:  # noqa: BLE001 - whatever the parser refuses it by
            wrong.append(f"{line}: {error}")
    assert not wrong, "\n".join(wrong)


def test_there_are_many() -> None:
    assert sum(1 for page in PAGES for _ in calls(page)) > 100
