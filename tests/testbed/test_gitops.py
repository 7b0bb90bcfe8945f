"""The command runs with a home of its own, in pipes and on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.testbed.gitops import Gitops, Terminal

ASKS = """if True:
    import os, sys
    print("tty", sys.stdin.isatty(), *os.get_terminal_size())
    name = input("name? ")
    sys.stdout.write("\\x1b[2Jhello " + name + "\\n")
    sys.exit(3)
"""


def test_output_code_and_home(
    gitops: Gitops, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert not {"GIT_DIR", "KUBECONFIG"} & gitops.environment.keys()
    assert gitops("--version").ok().stdout.startswith("gitops")
    wrong = gitops("--no-such-option")
    assert wrong.code == 2
    assert wrong.stderr
    assert gitops.home.is_relative_to(tmp_path)


def test_a_terminal_shows_what_a_person_sees(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASKS]
    with Terminal(command, tmp_path, {"TERM": "xterm"}, rows=10, columns=50) as terminal:
        terminal.wait_for("tty True 50 10")
        terminal.wait_for("name? ")
        terminal.type("Ada")
        terminal.press("enter")
        assert terminal.finish() == 3
        assert "hello Ada" in terminal.screen
        assert "tty" not in terminal.screen
        assert "tty" in terminal.transcript


def test_ctrl_c_reaches_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASKS]
    with Terminal(command, tmp_path, {"TERM": "xterm"}, rows=10, columns=50) as terminal:
        terminal.wait_for("name? ")
        terminal.press("ctrl-c")
        assert terminal.finish() in (1, -2)
        assert "KeyboardInterrupt" in terminal.text
