"""gitops.toml, version files and locks, as a push may bring them."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.files import MAX_BYTES, RawFile
from gitops_cli.domain.recorded.locks import parse_lock
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.team_file import parse_team
from tests.fuzz.broken import a_few, texts
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, gitops_with_home

pytestmark = pytest.mark.sweep

SPACE = EnvironmentName("shop-production")
HASH = "b" * 40
TEAM = b"""\
stages = ["development", "staging", "production"]

[stage.production]
aliases = ["live"]
cluster = "prod-eu"
promote_from = ["staging"]
protected = true
freeze = ["Fri 16:00 - Mon 08:00 Europe/Warsaw"]
require = ["image", "live-in-source"]
mode = "pr"
branches = ["main"]

[service.web]
source = "git@example.com:acme/web.git"
container = "app"

[versions]
form = "any"
require_ancestry = true

[commit]
skip_ci = true
"""
LOCK = b"""\
by = "ada"
at = 2026-11-30T10:00:00Z
until = "2026-12-01T10:00:00+01:00"
reason = "incident \\u0034"
"""
VERSION = f"{HASH}\n".encode()
DOTTED = st.integers(1, 60_000).map(lambda n: b".".join([b"a"] * n) + b" = 1\n")
LARGE = st.builds(
    lambda piece, count: (piece * count)[:300_000],
    st.binary(min_size=1, max_size=8)
    | st.sampled_from(
        [b" ", b"[", b"a.", b'"', b"'", b"\n", b"[a]\n", b"#", b"x='' \n", b"{a=", b"\\"]
    ),
    st.integers(1, 300_000),
)
SETTINGS = texts(TEAM) | DOTTED | st.builds(lambda a, b: a + b, texts(TEAM), LARGE)


@contextmanager
def at_once() -> Iterator[None]:
    """Fail where the time grows faster than the file: the largest takes half a second."""
    began = time.process_time()
    yield
    assert time.process_time() - began < 10


@given(SETTINGS)
def test_settings_are_what_stands_there_or_an_error_of_one_line(data: bytes) -> None:
    with at_once():
        team = parse_team(RawFile("gitops.toml", data))
    for defect in team.defects:
        assert re.fullmatch(r".+", defect.message), repr(defect)
        assert 1 <= defect.line <= data.count(b"\n") + 1
    if team.defects:
        return
    written = tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())
    production = written.get("stage", {}).get("production", {})
    assert list(team.stages) == written.get("stages", list(team.stages))
    assert team.stage("production").protected == production.get("protected", False)
    assert list(team.stage("production").branches) == production.get("branches", [])


@given(texts(LOCK) | LARGE | DOTTED)
def test_a_lock_holds_unless_it_says_until_when(data: bytes) -> None:
    with at_once():
        lock = parse_lock(f"{SPACE}/web.lock", ServiceName("web"), data[: MAX_BYTES + 1])

    if lock.problem is not None:
        assert (lock.until, lock.by) == (None, None), "it holds"
    elif lock.until is not None:
        assert "until" in tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())


@given(texts(VERSION) | LARGE)
def test_a_version_is_what_a_shell_reads(data: bytes) -> None:
    cut = data[: MAX_BYTES + 1]
    files = [RawFile(f"{SPACE}/images_path", b"r/\n"), RawFile(f"{SPACE}/web.deployment", cut)]

    environment = parse_environment_files(SPACE, files)

    if environment.findings:
        assert not environment.files
    else:
        [version] = environment.versions.values()
        assert str(version) == data.decode().strip(" \t\n")


# --- the same through commands


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Gitops:
    """Return the command in a clone of a state repository."""
    directory = tmp_path_factory.mktemp("fuzz")
    git(directory, "init", "-q", "state")
    return gitops_with_home(directory / "home").at(directory / "state")


def write(state: Gitops, team: bytes, version: bytes, lock: bytes) -> Path:
    directory = state.directory / SPACE
    directory.mkdir(exist_ok=True)
    (state.directory / "gitops.toml").write_bytes(team)
    (directory / "images_path").write_text("r.example.com/shop/\n")
    (directory / "web.deployment").write_bytes(version)
    (directory / "web.lock").write_bytes(lock)
    return state.directory


@given(SETTINGS, texts(VERSION), texts(LOCK) | st.just(LOCK))
@a_few()
def test_what_validates_is_valid(state: Gitops, team: bytes, version: bytes, lock: bytes) -> None:
    write(state, team, version, lock)

    done = state("validate")

    assert done.code in (ExitCode.OK, ExitCode.NO), str(done)
    if done.code == ExitCode.OK:
        tomllib.loads(team.removeprefix(b"\xef\xbb\xbf").decode())
        assert version.decode().strip(" \t\n").isascii()


@given(SETTINGS | st.just(TEAM), texts(VERSION), texts(LOCK))
@a_few()
def test_no_command_is_surprised(state: Gitops, team: bytes, version: bytes, lock: bytes) -> None:
    directory = write(state, team, version, lock)
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", "fuzz")

    looked = state("status", "-o", "json")
    written = state("set", f"web={'c' * 40}", "-e", SPACE, "--dry-run", "--allow-older")

    assert looked.code in (ExitCode.OK, ExitCode.NO, ExitCode.USAGE), str(looked)
    expected = (ExitCode.OK, ExitCode.NO, ExitCode.USAGE, ExitCode.BLOCKED)
    assert written.code in expected, str(written)
    for ran in (looked, written):
        assert "Traceback" not in ran.stderr
