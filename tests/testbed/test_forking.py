"""A forked command cannot be told from one that starts, but by its time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed.article import Article
from tests.testbed.forking import OF_A_START, Beside, Ended, can_fork, run_in_fork
from tests.testbed.gitops import Gitops, Terminal
from tests.testbed.patience import PATIENCE

pytestmark = pytest.mark.sweep

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
LOOKS = """
import gc, json, locale, os, random, signal, sys, tempfile, threading, time
streams = {s.name: (s.encoding, s.errors, s.line_buffering, s.isatty(), s.fileno(), s.newlines)
           for s in (sys.stdin, sys.stdout, sys.stderr)}
def mask():
    old = os.umask(0)
    os.umask(old)
    return old
print(json.dumps({
    "arguments": sys.argv, "name": __name__, "file": __file__,
    "main": sys.modules["__main__"].__name__,
    "flags": repr(sys.flags), "path": sys.path, "program": sys.executable,
    "environment": dict(os.environ), "directory": os.getcwd(), "zone": time.tzname,
    "hour": time.localtime(0).tm_hour, "locale": locale.getlocale(), "streams": streams,
    "signals": {str(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
    "woken": signal.set_wakeup_fd(-1),
    "blocked": repr(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": sorted(os.listdir("/dev/fd")), "mask": mask(), "threads": threading.active_count(),
    "session": os.getsid(0), "group": os.getpgrp(), "temporary": tempfile.gettempdir(),
    "collects": gc.isenabled(), "thresholds": gc.get_threshold(),
}))
print(sys.stdin.read() or "nothing given", file=sys.stderr)
"""
LEADS = """
print("leads", os.tcgetpgrp(0) == os.getpid(), *reversed(os.get_terminal_size()))
sys.exit(3)
"""
SLEEPS = """
import os, sys, time
os.chdir(sys.argv[2])
with open("new", "w") as file:
    file.write(str(os.getpid()))
os.rename("new", "pid")
time.sleep(600)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an executable of the tests' interpreter that runs the text it is given."""
    file = tmp_path_factory.mktemp("program") / "program"
    file.write_text(f"#!{sys.executable}\nimport sys\nexec(sys.argv[1])\n")
    file.chmod(0o755)
    return file


def forked(
    program: Path, *arguments: str, timeout: float = PATIENCE, stdin: bytes = b"", before: str = ""
) -> Ended:
    return run_in_fork(
        program,
        arguments,
        directory=program.parent,
        environment=ENVIRONMENT | {"TZ": "Asia/Tokyo"},
        stdin=stdin,
        timeout=timeout,
        before=before,
    )


def started(program: Path, *arguments: str, stdin: bytes = b"") -> Ended:
    done = subprocess.run(
        [program, *arguments],
        cwd=program.parent,
        env=ENVIRONMENT | {"TZ": "Asia/Tokyo"},
        input=stdin,
        capture_output=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def terminal(program: Path, *arguments: str, forks: bool) -> Terminal:
    command = [str(program), *arguments]
    return Terminal(command, program.parent, ENVIRONMENT, rows=33, columns=77, forks=forks)


def on_terminal(
    program: Path, text: str, *, forks: bool, typed: str, after: str = ""
) -> tuple[int, str]:
    """Return how it ends on a terminal, and what that got."""
    with terminal(program, text, forks=forks) as shown:
        shown.wait_for(after)
        shown.type(typed)
        return shown.finish(), shown.transcript


@pytest.mark.parametrize("stdin", ["", "größer\n"])
def test_it_finds_what_a_new_process_finds(program: Path, stdin: str) -> None:
    fork, start = (run(program, LOOKS, "--b", stdin=stdin.encode()) for run in (forked, started))

    assert json.loads(fork.stdout) == json.loads(start.stdout)
    assert fork.stderr == start.stderr


def test_on_a_terminal_it_finds_what_a_new_process_finds(program: Path) -> None:
    fork, start = (
        on_terminal(program, LOOKS + LEADS, forks=forks, typed="Ada\n\x04")
        for forks in (True, False)
    )
    fork_found, start_found = (
        json.loads(next(line for line in shown.splitlines() if line.startswith("{")))
        for _, shown in (fork, start)
    )

    for found in (fork_found, start_found):
        assert found.pop("session") == found.pop("group")
    assert fork_found == start_found
    assert fork_found["streams"]["<stdout>"][2:4] == [True, True]
    assert "leads True 33 77" in fork[1]
    assert "Ada" in fork[1]
    assert fork[0] == start[0] == 3


def test_on_a_terminal_ctrl_c_ends_it(program: Path) -> None:
    text = "import time\ntry:\n time.sleep(600)\nfinally:\n print('told')"

    fork, start = (
        on_terminal(program, f"print('here')\n{text}", forks=forks, typed="\x03", after="here")
        for forks in (True, False)
    )

    assert fork[0] == start[0] == -signal.SIGINT
    assert "told" in fork[1]


def test_what_runs_beside_a_test_is_read_signalled_and_awaited(program: Path) -> None:
    text = """
import signal, sys, time
print("begun", flush=True)
try:
    time.sleep(600)
finally:
    print("x" * 100_000)
    print("told", file=sys.stderr)
"""
    with Beside(program, [text], directory=program.parent, environment=ENVIRONMENT) as beside:
        assert beside.stdout.readline() == "begun\n"
        assert beside.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            beside.wait(timeout=0.01)
        beside.send_signal(signal.SIGINT)
        stdout, stderr = beside.communicate(timeout=60)

    assert stdout == "x" * 100_000 + "\n"
    assert stderr.endswith("KeyboardInterrupt\n")
    assert "told\n" in stderr
    assert beside.returncode == -signal.SIGINT


def test_a_test_that_fails_ends_what_runs_beside_it(program: Path, tmp_path: Path) -> None:
    def failing() -> None:
        command = [SLEEPS, str(tmp_path)]
        with Beside(program, command, directory=program.parent, environment=ENVIRONMENT):
            _until((tmp_path / "pid").exists)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()

    assert _gone(tmp_path)


def test_a_terminal_that_is_closed_kills_what_runs_on_it(program: Path, tmp_path: Path) -> None:
    text = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {SLEEPS}"
    with terminal(program, text, str(tmp_path), forks=True):
        _until((tmp_path / "pid").exists)
        assert not _gone(tmp_path)

    assert _gone(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit",
        "raise SystemExit(3)",
        "raise SystemExit(-1)",
        "raise SystemExit('in words')",
        "import sys; sys.tracebacklimit = 0; raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os; os.kill(os.getpid(), 9)",
        "import os; os._exit(4)",
        "import atexit; atexit.register(print, 'at the end'); print('before')",
        "import threading as t, time; t.Timer(0.1, print, ['from a thread']).start()",
        "import sys; sys.stdout.write('no line end'); sys.stderr.write('nor here')",
        "import sys; sys.stdout.buffer.write(b'\\xff\\r\\n' * 100_000)",
    ],
)
def test_it_ends_as_a_new_process_ends(program: Path, text: str) -> None:
    assert forked(program, text) == started(program, text)


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_closed_stream_is_none_as_in_a_new_process(program: Path, stream: str) -> None:
    told = "stderr" if stream == "stdout" else "stdout"
    text = f"""
import os, sys
print([s and s.name for s in (sys.stdin, sys.stdout, sys.stderr, sys.__{stream}__)],
      os.open("/dev/null", os.O_RDONLY), file=sys.{told})
"""
    redirection = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}[stream]
    shell = ["sh", "-c", f'exec "$0" "$@" {redirection}', str(program), text]
    start = subprocess.run(shell, env=ENVIRONMENT, capture_output=True, check=False)

    fork = forked(program, text, before=f"closed({stream!r})")

    assert fork == Ended(start.returncode, start.stdout, start.stderr)
    assert "None" in getattr(fork, told).decode()


def test_output_that_cannot_be_written_is_a_failure(program: Path) -> None:
    text = "import os; os.close(1); print('to nobody')"

    assert forked(program, text).code == started(program, text).code == 120


def test_an_error_is_told_and_is_exit_1(program: Path) -> None:
    ended = forked(program, "raise ValueError('x')")

    assert ended.code == 1
    assert ended.stderr.endswith(b"\nValueError: x\n")


def test_no_two_draw_the_same_lots(program: Path) -> None:
    assert len({forked(program, "import random; print(random.random())")[1] for _ in "123"}) == 3


def test_what_takes_too_long_is_killed(program: Path, tmp_path: Path) -> None:
    assert forked(program, "pass").code == 0  # the server runs

    for seconds in (2, 60):  # until it has begun, however little it gets of the machine
        with pytest.raises(subprocess.TimeoutExpired):
            forked(program, SLEEPS, str(tmp_path), timeout=seconds)
        if (tmp_path / "pid").exists():
            break

    _until(lambda: _gone(tmp_path))


def test_a_test_process_that_is_killed_leaves_nothing_behind(program: Path, tmp_path: Path) -> None:
    code = (
        "from tests.testbed.test_forking import *; "
        f"forked(Path({str(program)!r}), SLEEPS, {str(tmp_path)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as test:
        _until((tmp_path / "pid").exists)
        test.kill()

    _until(lambda: _gone(tmp_path))


def test_what_an_interpreter_looks_at_when_it_starts_needs_one_that_starts(tmp_path: Path) -> None:
    assert can_fork(tmp_path, ENVIRONMENT, b"")
    assert not can_fork(tmp_path, ENVIRONMENT | {"PYTHONUTF8": "0"}, b"")
    assert not can_fork(tmp_path, ENVIRONMENT | {"LC_ALL": "C"}, b"")
    assert not can_fork(tmp_path, {"PATH": ENVIRONMENT["PATH"]}, b"")
    assert not can_fork(tmp_path / "missing", ENVIRONMENT, b"")
    assert not can_fork(tmp_path, ENVIRONMENT, b"x" * 100_000)


def test_nothing_that_is_loaded_before_has_read_other_variables() -> None:
    code = """if True:
        import os
        read = set()
        class Noting(dict):
            def __getitem__(self, key):
                read.add(os.fsdecode(key))
                return super().__getitem__(key)
        os.environ._data = Noting(os.environ._data)
        from tests.testbed import fork_server
        fork_server.load()
        print(*read)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert [name for name in done.stdout.split() if not name.startswith(OF_A_START)] == []


@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "",
        "--help",
        "promote --help",
        "no-such-command",
        "status --no-such-option",
        "status",
        "status -o json",
        "status -o markdown",
        "status -o yaml",
        "status --env nowhere",
        "history -n5",
        "history billing -o wide",
        "validate",
        "env list",
        "config list --show-origin",
        "promote --from dev --to staging --all",
        "promote --from dev --to staging -p project1 --dry-run -o json",
        "set billing=abc -e project1-development",
        "rollback billing -e project1-development --dry-run",
        "diff",
        "diff --kubeconfig missing",
        "-C missing status",
        "-R missing status",
        "help exit-codes",
    ],
)
def test_gitops_says_the_same(gitops: Gitops, article: Article, line: str) -> None:
    here = gitops.at(article.clone()).using(COLUMNS="100", CI="")
    assert can_fork(here.directory, here.environment, b"")
    arguments = line.replace("project1", f"{article.prefix}project1").split()

    assert here(*arguments) == here.fresh()(*arguments)


@pytest.mark.parametrize("line", ["promote --help", "status", "env list", "diff"])
def test_gitops_shows_the_same(gitops: Gitops, article: Article, line: str) -> None:
    shown = []
    for here in (gitops, gitops.fresh()):
        with here.at(article.clone(f"clone{len(shown)}")).terminal(*line.split()) as screen:
            code = screen.finish()
            shown.append((code, screen.text.replace(f"clone{len(shown)}", "clone")))

    assert shown[0] == shown[1]


def _gone(directory: Path) -> bool:
    try:
        os.kill(int((directory / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def _until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
