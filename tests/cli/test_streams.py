"""stdout and stderr as a terminal, as a pipe, and without a reader."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace

import pytest
import yaml

from gitops_cli.domain.errors import ExitCode
from tests.cli.company import DEV, STAGING, tip
from tests.cli.live import NEW, OLD, Live
from tests.testbed.article import Article
from tests.testbed.gitops import EXECUTABLE, Gitops
from tests.testbed.patience import PATIENCE

pytestmark = pytest.mark.sweep

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def here(gitops: Gitops, article: Article) -> Gitops:
    return gitops.fresh().at(article.clone())


def test_a_pipe_gets_plain_text_and_colour_only_where_it_is_forced(here: Gitops) -> None:
    plain = here("status").ok().stdout
    forced = here.using(FORCE_COLOR="1", COLUMNS="200")("status").ok().stdout

    assert "\x1b" not in plain
    assert ANSI.search(forced)
    shown, _, legend = ANSI.sub("", forced).rstrip("\n").rpartition("\n")
    assert _words(shown) == _words(plain)
    assert legend.endswith("24d recorded for 24 days"), "people need it, programs do not"


def test_a_terminal_gets_colour_unless_told_otherwise(here: Gitops) -> None:
    with here.terminal("status") as coloured:
        assert coloured.finish() == 0
        assert ANSI.search(coloured.transcript)
    with here.using(NO_COLOR="1").terminal("status") as plain:
        assert plain.finish() == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.transcript)
    with here.using(TTY_COMPATIBLE="0").terminal("status") as incapable:
        assert incapable.finish() == 0
        assert "\x1b" not in incapable.transcript


def test_a_write_goes_on_though_nobody_reads_what_is_said(clone: Gitops, company: Article) -> None:
    before = tip(company)
    with clone.start("set", f"billing={'ab' * 20}", "-e", DEV) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
        assert process.wait(PATIENCE) == 0

    assert tip(company) != before


@dataclass(frozen=True)
class Piped:
    """A command in a shell, so that its streams can be what a caller makes of them."""

    gitops: Gitops
    before: str = ""
    """What the shell does first."""

    def __call__(self, *arguments: str, streams: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f'{self.before} exec "$0" "$@" {streams}', str(EXECUTABLE), *arguments],
            cwd=self.gitops.directory,
            env=self.gitops.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture
def piped(clone: Gitops) -> Piped:
    return Piped(clone)


@pytest.mark.parametrize("form", ["table", "json", "yaml", "markdown"])
def test_an_answer_that_a_full_disk_does_not_take_is_neither_yes_nor_no(
    piped: Piped, form: str
) -> None:
    done = piped("status", "-o", form, streams=">/dev/full")
    assert done.returncode == ExitCode.MACHINE
    assert "stdout did not take the answer: No space left on device" in done.stderr
    if form == "json":
        assert json.loads(done.stderr)["code"] == "answer-lost"


def test_a_write_is_a_write_whatever_becomes_of_its_report(piped: Piped, company: Article) -> None:
    before = tip(company)
    for number, streams in enumerate((">/dev/full", ">/dev/full 2>/dev/full", "1</dev/null")):
        done = piped("set", f"billing={number:040x}", "-e", DEV, streams=streams)
        assert done.returncode == 0, done.stderr
        assert ("all was done, but stdout did not take" in done.stderr) == ("2>" not in streams)
        assert tip(company) != before
        before = tip(company)
    preview = piped("set", f"billing={'ab' * 20}", "-e", DEV, "--dry-run", streams=">/dev/full")
    assert preview.returncode == ExitCode.MACHINE, "the plan was all that was asked for"


def test_with_few_descriptors_a_write_is_whole_or_not_at_all(
    piped: Piped, company: Article
) -> None:
    seen = set()
    for number in range(10, 22, 2):
        before = tip(company)
        limited = replace(piped, before=f"ulimit -n {number};")
        done = limited("set", f"billing={number:040x}", "-e", DEV, streams="")
        assert done.returncode in (0, ExitCode.MACHINE), done.stderr
        assert (done.returncode == 0) == (tip(company) != before)
        seen.add(done.returncode)
    assert seen == {0, ExitCode.MACHINE}


def test_a_patch_is_a_patch_and_no_difference_is_none(behind: Live) -> None:
    there = Piped(behind.gitops)
    place = behind.namespace
    assert there("diff", place, streams="2>/dev/full").returncode == ExitCode.NO
    assert there("diff", place, streams=">/dev/full").returncode == ExitCode.MACHINE
    assert there("sync", place, "--dry-run", streams=">/dev/full").returncode == ExitCode.MACHINE
    assert behind.image_of("web").endswith(OLD)
    done = there("sync", place, streams=">/dev/full")
    assert done.returncode == 0, done.stderr
    assert "all was done, but stdout did not take" in done.stderr
    assert behind.image_of("web").endswith(NEW)
    behind.kube.wait_rolled_out("Deployment", place, "web")
    for streams in ("2>/dev/full", "2>&-", ">&-", ">&- 2>&- <&-"):
        assert there("diff", place, streams=streams).returncode == 0
    assert there("diff", place, streams=">/dev/full").returncode == ExitCode.MACHINE


def test_nobody_is_watched_for_once_nobody_reads(behind: Live) -> None:
    with behind.gitops.start("watch", behind.namespace, "--timeout", "1h") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "2>/dev/full <&-"])
def test_a_stderr_that_takes_nothing_changes_no_code(piped: Piped, streams: str) -> None:
    assert piped("status", streams=streams).returncode == 0
    assert piped("status", "--no-such-option", streams=streams).returncode == ExitCode.USAGE
    assert piped("promot", streams=streams).returncode == ExitCode.USAGE
    assert piped(streams=streams).returncode == ExitCode.USAGE
    assert piped("diff", "nowhere", streams=streams).returncode == ExitCode.USAGE


def test_a_reader_that_leaves_early_is_no_failure(here: Gitops) -> None:
    for arguments in (("history",), ("--help",), ("history", "-o", "json")):
        with here.start(*arguments) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(PATIENCE) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""


def test_a_pipe_that_does_not_block_gets_everything(here: Gitops) -> None:
    """A parent such as node leaves pipes so; what is written in between must not be lost."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = subprocess.Popen(
        [str(EXECUTABLE), "help", "environment", "-o", "json"],
        env=here.environment,
        cwd=here.directory,
        stdout=writing,
    )
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.close(writing)
    time.sleep(0.5)
    with os.fdopen(reading) as stream:
        assert json.load(stream)["kind"] == "variables"
    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_a_terminal_lacks(clone: Gitops, encoding: str) -> None:
    said = "größer → 数据"
    there = clone.using(PYTHONIOENCODING=encoding)
    clone("lock", "billing", "-e", DEV, "-m", said).ok()
    shown = subprocess.run(
        [str(EXECUTABLE), "history", "-n1"],
        env=there.environment,
        cwd=there.directory,
        capture_output=True,
        check=True,
    )
    assert shown.stdout.decode(encoding)
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        done = subprocess.run(
            [str(EXECUTABLE), "status", "-o", form],
            env=there.environment,
            cwd=there.directory,
            capture_output=True,
            check=True,
        )
        assert said in str(read(done.stdout.decode(encoding)))


def test_a_terminal_without_our_letters(clone: Gitops) -> None:
    there = clone.using(PYTHONIOENCODING="ascii", LC_ALL="C")
    for arguments in (("status",), ("promote", "--help"), ("history",)):
        with there.terminal(*arguments, rows=100, columns=80) as screen:
            assert screen.finish() == 0
            assert screen.text.isascii()
    with there.terminal("promote", "billing", "--from", DEV, "--to", STAGING) as screen:
        screen.wait_for("Promote 1 service to project1-staging?")
        screen.press("ctrl-c")
        assert screen.finish() == ExitCode.INTERRUPTED
        assert "error: interrupted; nothing was changed" in screen.text


def _words(text: str) -> list[str]:
    return text.split()
