"""The reference of commands and the manual page are what `--help` says."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

from gitops_cli.domain.errors import ExitCode
from tests.cli.test_words import SCREENS, options

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs/reference.py"))


def test_the_page_and_the_manual_are_made_of_the_commands() -> None:
    assert MADE["PAGE"].read_text() == MADE["page"](), "run `make pictures`"
    assert MADE["MAN"].read_text() == MADE["man"](), "run `make pictures`"


def test_every_command_is_there_with_its_options_and_examples() -> None:
    sections = dict(re.findall(r"(?ms)^## (gitops .*?)\n(.*?)(?=^## |\Z)", MADE["page"]()))
    names = " ".join(names for names, _ in MADE["shared_options"]())
    shared = {"--help", *names.replace(",", "").split()}

    for path, command in SCREENS.items():
        if not path or command.hidden or path[0] in ("log", "lint"):
            continue
        section = sections.pop(" ".join(("gitops", *path)))
        assert all(name in section or name in shared for name in options(path)), path
        assert all(example in section for example in command.examples)
    assert not sections


def test_the_manual_has_known_macros_only_and_no_text_is_one() -> None:
    known = {"TH", "SH", "SS", "PP", "TP", "B", "BR", "nf", "fi", "RS", "RE"}
    text = MADE["man"]()

    assert set(re.findall(r"(?m)^[.'](\w*)", text)) <= known
    assert set(re.findall(r"\\(.)", text)) <= set("-e&([")
    assert "-" not in re.sub(r"\\-", "", text), "hyphens can be copied"
    assert all(f".B {int(code)}\n" in text for code in ExitCode)
    assert MADE["_roff"](".so /etc/passwd") == r"\&.so /etc/passwd"


def test_the_manual_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    [place] = project["tool"]["setuptools"]["data-files"].items()
    assert place == ("share/man/man1", [str(MADE["MAN"].relative_to(ROOT))])
