"""A View in a pipe, and the same on Rich's terminal without colour: they show the same text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gitops_cli.render.console import print_view
from gitops_cli.render.plain import plain_view
from gitops_cli.render.view import Cell, Column, Line, Style, Table, View

COLUMNS = (Column("name"), Column("count", right=True), Column("note", wide=True))
ROWS = ((Cell("web", Style.GOOD), "1", "first"), ("", "1000", "x"), ("数据库", "2", ""))
VIEW = View(
    "sample",
    {},
    (
        Line("said\x1b[31m at\ttwo\nlines", Style.BAD),
        Table(COLUMNS, ROWS, title="numbers"),
        Table(COLUMNS[:1], (("::stop",),), title="commands"),
    ),
)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    assert "\n".join(plain_view(VIEW)) == (
        "said\\x1b[31m at\ttwo\n"
        "lines\n"
        "\n"
        "numbers\n"
        "NAME    COUNT\n"
        "web         1\n"
        "-        1000\n"
        "数据库      2\n"
        "\n"
        "commands\n"
        "NAME\n"
        "\\x3a:stop"
    )


def test_wide_columns_are_shown_when_asked_for() -> None:
    wide = list(plain_view(VIEW, wide=True))
    assert wide[3:7] == [
        "NAME    COUNT  NOTE",
        "web         1  first",
        "-        1000  x",
        "数据库      2  -",
    ]


@pytest.mark.parametrize("wide", [False, True])
def test_a_terminal_shows_the_same(wide: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=80)
    print_view(VIEW, console, wide=wide)
    shown = [line.rstrip() for line in file.getvalue().splitlines()]
    # Rich writes tabs as spaces.
    assert shown == [
        line.expandtabs(8) for each in plain_view(VIEW, wide=wide) for line in each.split("\n")
    ]
