"""What programs say: recaps, backends, and lines that must not act or tell a secret."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gitops_cli.domain.errors import ConfigurationError, InvalidState, TimedOut
from gitops_cli.domain.steps.content import TrackedFile
from gitops_cli.domain.steps.declared import Program, Step, Tool
from gitops_cli.steps.private import private_copy
from gitops_cli.steps.process import MOST_LINES, cleaned, run, surroundings
from gitops_cli.steps.running import check_backend, recap_changes

RECAP = "here : ok=2    changed={}    unreachable=0    failed=0    skipped=0"


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        ([], None),
        (["PLAY RECAP ****", RECAP.format(0)], 0),
        (["PLAY RECAP ****", RECAP.format(2), RECAP.format(1), ""], 3),
        (["PLAY RECAP ****", RECAP.format(9), "PLAY RECAP ***", RECAP.format(1)], 1),
        ([RECAP.format(9)], None),
    ],
)
def test_the_last_recap_counts(lines: list[str], changes: int | None) -> None:
    assert recap_changes(lines) == changes


@pytest.mark.parametrize(
    ("backend", "workspace", "kept"),
    [
        (None, None, False),
        ({"type": "s3", "config": {}}, "x", True),
        ({"type": "local", "config": {"path": None}}, None, False),
        ({"type": "local", "config": {"path": "state"}}, None, False),
        ({"type": "local", "config": {"path": "/srv/state"}}, None, True),
        ({"type": "local", "config": {"path": "/srv/state"}}, "x", False),
        ({"type": "local", "config": {"path": "/s", "workspace_dir": "/w"}}, "x", True),
    ],
)
def test_a_state_in_the_copy_is_refused(
    tmp_path: Path, backend: object, workspace: str | None, kept: bool
) -> None:
    if backend is not None:
        (tmp_path / ".terraform").mkdir()
        (tmp_path / ".terraform" / "terraform.tfstate").write_text(json.dumps({"backend": backend}))
    step = Step("net", 1, Tool.TOFU, Program("infra/net"), workspace=workspace)
    if kept:
        check_backend(step, tmp_path)
        return
    with pytest.raises(ConfigurationError, match="infra/net declares no backend"):
        check_backend(step, tmp_path)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[31mred\x1b[0m\r\n", "red"),
        (b"\x1b]0;title\x07x", "x"),
        (b"10%\r50%\r100%", "100%"),
        (b"a\x00b\x9b", "a\\x00b\N{REPLACEMENT CHARACTER}"),
        (b"::error::x", "\\x3a:error::x"),
        (b"password=hunter2 and more", "password=*** and more"),
        (b"https://me:secret@host/x", "https://***@host/x"),
        (b"token abcdef-value here", "token *** here"),
    ],
)
def test_a_line_neither_acts_nor_tells(raw: bytes, shown: str) -> None:
    assert cleaned(raw, ("abcdef-value",)) == shown


def python(code: str, *, seconds: float = 60, directory: Path = Path("/")) -> tuple[int, list[str]]:
    around = surroundings((), {"PATH": str(Path(sys.executable).parent)}, {})
    done = run([sys.executable, "-c", code], directory, around, seconds=seconds)
    return done.code, list(done.lines)


def test_only_the_last_of_very_many_lines_are_kept() -> None:
    code, lines = python(f"print('\\n'.join(map(str, range({MOST_LINES + 10}))))")

    assert (code, len(lines), lines[-1]) == (0, MOST_LINES, str(MOST_LINES + 9))


def test_who_leaves_somebody_behind_with_its_output_is_not_waited_for() -> None:
    code, lines = python(
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(600)']); print('done')"
    )

    assert (code, lines) == (0, ["done"])


def test_who_closes_its_output_and_goes_on_is_late() -> None:
    with pytest.raises(TimedOut):
        python("import os, time; os.close(1); os.close(2); time.sleep(600)", seconds=0.5)


def test_a_place_of_path_that_is_not_absolute_means_nothing(tmp_path: Path) -> None:
    program = tmp_path / "tofu"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    around = surroundings((), {"PATH": f".:{tmp_path.name}:"}, {})

    with pytest.raises(ConfigurationError, match="`tofu` is not on PATH"):
        run(["tofu"], tmp_path, around, seconds=1)
    with pytest.raises(ConfigurationError, match="/none` is not there"):
        run(["./none"], tmp_path, around, seconds=1)


def test_a_copy_is_private_whole_and_gone() -> None:
    content = {"a/run.sh": TrackedFile(b"x", True), "a/b/data": TrackedFile(b"y", False)}
    with private_copy(content) as copy:
        assert copy.files.stat().st_mode & 0o777 == 0o700
        assert (copy.files / "a/run.sh").stat().st_mode & 0o777 == 0o700
        assert (copy.files / "a/b/data").stat().st_mode & 0o777 == 0o600
        assert (copy.files / "a/b/data").read_bytes() == b"y"
        root = copy.files.parent
    assert not root.exists()


def test_two_names_of_one_file_are_refused() -> None:
    """As `A` and `a` are on a file system that knows no case."""
    content = {"a/x": TrackedFile(b"1", False), "a/./x": TrackedFile(b"2", False)}
    with pytest.raises(InvalidState, match="case of its letters"), private_copy(content):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_stop_while_it_starts_a_program_stops_that_too(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Told(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **how: Any) -> None:
            super().__init__(*words, **how)
            started.append(self)
            signal.raise_signal(number)

    def stop(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Told)
    before = signal.signal(number, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            python("import time; time.sleep(60)", seconds=60)
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert started[0].returncode not in (None, 0)
