"""Help topics say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_cli.cli.output import Format
from gitops_cli.domain.errors import ExitCode, worst
from gitops_cli.domain.help_topics import FORMATS, VARIABLES
from gitops_cli.domain.recorded.notify import variable_of
from gitops_cli.domain.settings_keys import FILES
from tests.testbed.gitops import Gitops

ROOT = Path(__file__).parents[2]


def test_exit_codes(gitops: Gitops) -> None:
    out = gitops("help", "exit-codes").ok().stdout
    for code in ExitCode:
        assert re.search(rf"(?m)^ *{int(code)}  {re.escape(code.meaning)}$", out)


def test_the_page_of_exit_codes_is_the_same_table() -> None:
    page = (ROOT / "docs/exit-codes.md").read_text()
    rows = dict(re.findall(r"(?m)^\| (\d+) \| (.+?) \|$", page))
    assert rows == {str(int(code)): code.meaning for code in ExitCode}


def test_the_order_of_exit_codes_is_the_one_that_counts(gitops: Gitops) -> None:
    left = set(ExitCode) - {ExitCode.OK}
    order: list[int] = []
    while left:
        order.append(int(worst(left)))
        left.discard(worst(left))
    said = f"in the order {', '.join(map(str, order))} is the exit code."
    for text in (gitops("help", "exit-codes").stdout, (ROOT / "docs/exit-codes.md").read_text()):
        assert said in " ".join(text.split())


def test_environment_names_every_variable_the_code_reads(gitops: Gitops) -> None:
    out = gitops("help", "environment").ok().stdout
    assert all(name in out for name in VARIABLES)
    sources = (ROOT / "gitops_cli/cli").glob("*.py")
    read = {n for p in sources for n in re.findall(r'envvar="(\w+)"', p.read_text())}
    of_ci = (ROOT / "gitops_cli/domain/release/ci.py").read_text()
    read |= set(re.findall(r'environ.get\("(GITOPS_\w+)"', of_ci))
    read.add(variable_of("name"))
    assert {name for name in VARIABLES if name.startswith("GITOPS_")} == read


def test_formats(gitops: Gitops) -> None:
    assert set(FORMATS) == set(Format)
    assert "markdown" in gitops("help", "formats").ok().stdout


@pytest.mark.parametrize("file", FILES)
def test_every_key_of_a_file_of_settings(gitops: Gitops, file: str) -> None:
    out = gitops("help", file).ok().stdout
    assert all(f"{key.heading}  " in out and key.meaning in out for key in FILES[file])


def test_topics_complete(gitops: Gitops) -> None:
    words = {
        "COMP_WORDS": "gitops help git",
        "COMP_CWORD": "2",
        "_GITOPS_COMPLETE": "complete_bash",
    }
    assert gitops.using(**words)().stdout.split() == ["gitops.toml"]


def test_topics_and_an_unknown_one(gitops: Gitops) -> None:
    assert "gitops help exit-codes" in gitops("help").ok().stdout
    assert gitops("help", "nothing").code == 2


@pytest.mark.parametrize("command", [("promote",), ("env", "add")])
def test_help_of_a_command(gitops: Gitops, command: tuple[str, ...]) -> None:
    assert gitops("help", *command).ok().stdout == gitops(*command, "--help").ok().stdout


@pytest.mark.parametrize("form", ["table", "json"])
def test_version(gitops: Gitops, form: str) -> None:
    from gitops_cli import __version__

    assert __version__ in gitops("version", "-o", form).ok().stdout
    assert gitops("--version").ok().stdout == f"gitops {__version__}\n"


def test_a_terminals_width_alone_breaks_the_lines_of_help(gitops: Gitops) -> None:
    with gitops.terminal("sync", "--help", rows=60, columns=80) as screen:
        assert screen.finish() == 0
        lines = [line.strip() for line in screen.text.splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("Named environments"))
    assert lines[at] == (
        "Named environments are synced at once. Without a name the plan for all of them"
    )
    assert not any("<int>" in line for line in lines)
