"""Every command under everything that a caller can do to its streams and its surroundings.

What it is called with is cheap and changes nothing, so a command has one right exit code: the one
it has where all is well. Only an answer that stdout did not take, and what a machine refuses, may
end otherwise, and never as a bug, and never as a no.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.cli.company import DEV
from tests.cli.test_calls import CALLS, NOWHERE, call_of
from tests.testbed.article import build
from tests.testbed.forking import OF_A_START
from tests.testbed.gitops import Gitops, Ran, gitops_with_home

pytestmark = pytest.mark.sweep


class Condition(NamedTuple):
    """What a caller does: to the streams in a shell, to the variables, to the process."""

    shell: str = 'exec "$0" "$@"'
    code: str | None = None
    """The same in Python, for a fork; without it, an interpreter's start is the subject."""
    variables: Mapping[str, str | None] = {}
    runner: tuple[str, ...] = ()
    may_be: frozenset[int] = frozenset()
    """Codes that are right too."""


LOST = frozenset({ExitCode.MACHINE})
SAID = frozenset({ExitCode.USAGE})
FULL = "import os; full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, "
HOMELESS = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"))
CONDITIONS = {
    "stdout closed": Condition('exec "$0" "$@" >&-', "closed('stdout')"),
    "stdout full": Condition('exec "$0" "$@" >/dev/full', FULL + "1)", may_be=LOST),
    "stdout without a reader": Condition(
        '"$0" "$@" | :',
        "import os; read, write = os.pipe(); os.dup2(write, 1); os.close(read); os.close(write)",
        runner=("bash", "-o", "pipefail", "-c"),
    ),
    "stderr closed": Condition('exec "$0" "$@" 2>&-', "closed('stderr')"),
    "stderr full, stdin closed": Condition(
        'exec "$0" "$@" 2>/dev/full <&-', FULL + "2); closed('stdin')"
    ),
    "ASCII": Condition(
        code="import sys; sys.stdin.reconfigure(encoding='ascii'); "
        "sys.stdout.reconfigure(encoding='ascii', errors='strict'); "
        "sys.stderr.reconfigure(encoding='ascii')",
        variables={
            "PYTHONIOENCODING": "ascii",
            "LC_ALL": "C",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
        },
    ),
    "nameless, homeless": Condition(
        'exec unshare --user --map-user=12345 "$0" "$@"',
        "import ctypes, os; from pathlib import Path; inside = f'12345 {os.getuid()} 1'; "
        "assert ctypes.CDLL(None).unshare(0x10000000) == 0; "  # CLONE_NEWUSER
        "Path('/proc/self/uid_map').write_text(inside)",
        variables=HOMELESS,
        may_be=SAID,
    ),
    "no directory": Condition(
        'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$@"',
        "import os, tempfile; os.environ['PWD'] = tempfile.mkdtemp(); os.chdir(os.environ['PWD']); "
        "os.rmdir(os.environ['PWD'])",
        may_be=SAID,
    ),
    "few files": Condition(
        'ulimit -n 12; exec "$0" "$@"',
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))",
        may_be=LOST,
    ),
    "no cache": Condition(
        code="",
        variables={"XDG_CACHE_HOME": NOWHERE, "TMPDIR": NOWHERE},
        may_be=frozenset({ExitCode.DENIED}),
    ),
}
NAMELESS = """\
import pwd
def nobody(uid):
    raise KeyError(uid)
pwd.getpwuid = nobody
"""
"""For systems that give nobody a namespace of users: there git at least knows the user."""


STARTED = frozenset({"status", "set", "help"})
"""Commands that meet everything in new processes. What a start does with it is the same in all."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Gitops:
    here = tmp_path_factory.mktemp("matrix")
    for folder in ("nameless", "tmp"):
        (here / folder).mkdir()
    (here / "nameless/sitecustomize.py").write_text(NAMELESS)
    there = gitops_with_home(here / "home").at(build(here / "article").clone())
    return there.using(TMPDIR=here / "tmp")  # the cache of who has no home


@pytest.fixture(scope="module")
def conditions(clone: Gitops) -> Mapping[str, Condition]:
    tried = ["unshare", "--user", "--map-user=12345", "true"]
    if shutil.which(tried[0]) and subprocess.run(tried, check=False).returncode == 0:
        return CONDITIONS
    unnamed = Condition(
        variables={**HOMELESS, "PYTHONPATH": str(clone.home.with_name("nameless"))}, may_be=SAID
    )
    return {**CONDITIONS, "nameless, homeless": unnamed}


@pytest.mark.parametrize("command", CALLS)
def test_a_command_under_every_condition(
    clone: Gitops, conditions: Mapping[str, Condition], command: str
) -> None:
    right = _run(clone, command, Condition(code="")).code
    wrong = []
    for name, condition in conditions.items():
        done = _run(clone, command, condition)
        said = done.stdout + done.stderr
        known = done.code == right or done.code in condition.may_be
        if not known or done.code == ExitCode.BUG or "Traceback" in said:
            wrong.append(f"{name}: {done.code}, not {right}: {said}")
    assert not wrong, "\n".join(wrong)


def test_a_user_without_name_and_home_has_a_cache(
    clone: Gitops, conditions: Mapping[str, Condition]
) -> None:
    remote = clone.directory.with_name("environments-state.git")
    condition = conditions["nameless, homeless"]
    for arguments in (("status",), ("history", "-n1"), ("set", f"billing={'ab' * 20}", "-e", DEV)):
        done = _call(clone, condition, *arguments, "-R", f"file://{remote}")
        wanted = ExitCode.USAGE if arguments[0] == "set" else 0
        assert done.code == wanted, done.stderr
    assert "user.email" in done.stderr
    assert not Path("/.cache").exists()
    done = _call(clone.using(CI="1"), condition, *arguments, "-R", f"file://{remote}")
    assert done.code == 0, done.stderr


def _run(gitops: Gitops, command: str, condition: Condition) -> Ran:
    arguments = (*command.split(), *call_of(command).arguments)
    if condition.code is None or command in STARTED:
        return _call(gitops, condition, *arguments)
    set_still = {n: v for n, v in condition.variables.items() if not n.startswith(OF_A_START)}
    return gitops.using(**set_still).after(condition.code)(*arguments)


def _call(gitops: Gitops, condition: Condition, *arguments: str) -> Ran:
    shell = condition.runner or ("sh", "-c")
    return gitops.using(**condition.variables).under(*shell, condition.shell)(*arguments)
