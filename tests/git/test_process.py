"""The environment git gets, and its end."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from signal import SIGTERM

import pytest

from gitops_cli.domain.errors import GitError, TimedOut
from gitops_cli.git.config import Config, read_config
from gitops_cli.git.environment import (
    as_environment,
    git_environment,
    is_kept,
    never_asking,
    ssh_batch,
)
from gitops_cli.git.process import Git
from tests.testbed.git import git
from tests.testbed.patience import HANGING


@pytest.mark.parametrize(
    "name",
    [
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_DATE",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_0",
        "GIT_CONFIG_VALUE_0",
        "GIT_CONFIG_GLOBAL",
        "GIT_SSL_CAINFO",
        "GIT_TRACE",
        "SSH_AUTH_SOCK",
        "HOME",
        "https_proxy",
    ],
)
def test_what_reaches_git(name: str) -> None:
    assert git_environment({name: "x"})[name] == "x"


@pytest.mark.parametrize(
    "name",
    [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_QUARANTINE_PATH",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_CONFIG",
        "GIT_REPLACE_REF_BASE",
    ],
)
def test_what_does_not(name: str) -> None:
    assert not is_kept(name)
    assert name not in git_environment({name: "x"})


def test_its_language_is_ours() -> None:
    environment = git_environment({"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "LANG": "de"})

    assert environment["LC_ALL"] == "C"
    assert "LANGUAGE" not in environment


def test_nobody_is_asked_without_a_terminal() -> None:
    assert git_environment({})["GIT_TERMINAL_PROMPT"] == "0"


@pytest.mark.parametrize(
    ("environment", "configured", "expected"),
    [
        ({}, None, "ssh -o BatchMode=yes"),
        ({}, "ssh -i key", "ssh -i key -o BatchMode=yes"),
        ({"GIT_SSH_COMMAND": "/usr/bin/ssh -v"}, "x", "/usr/bin/ssh -v -o BatchMode=yes"),
        ({"GIT_SSH_COMMAND": "my-wrapper"}, None, None),
        ({"GIT_SSH": "/usr/bin/plink"}, None, None),
        ({}, "", None),
    ],
)
def test_ssh_does_not_ask(
    environment: dict[str, str], configured: str | None, expected: str | None
) -> None:
    assert ssh_batch(environment, configured).get("GIT_SSH_COMMAND") == expected


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", ".")
    begun = time.monotonic()

    with pytest.raises(TimedOut, match="did not end"):
        Git(tmp_path, git_environment()).run("-c", "alias.hang=!sleep 60", "hang", timeout=0.3)

    assert time.monotonic() - begun < HANGING


def test_what_is_interrupted_waits_for_no_git(tmp_path: Path) -> None:
    slow = Git(tmp_path, git_environment()).start("hash-object", "--stdin", stdin=True)

    with pytest.raises(KeyboardInterrupt), slow:
        raise KeyboardInterrupt

    assert slow.returncode == -SIGTERM


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is gone"):
        Git(tmp_path / "x", git_environment()).run("version")


def test_configuration(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", ".")
    (tmp_path / "more").write_text("[http]\n\textraHeader = secret\n[commit]\n\tgpgSign\n")
    with (tmp_path / ".git/config").open("a") as file:
        file.write('[include]\n\tpath = ../more\n[a "B.c"]\n\tX = 1\n\tx = two\\nlines\n')

    config = read_config(Git(tmp_path, git_environment()))

    assert config.get("a.B.c.x") == "two\nlines"
    assert config.all("a.B.c.x") == ("1", "two\nlines")
    assert config.names("a", "x") == ["B.c"]
    assert config.flag("commit.gpgsign")
    assert list(config.connection()) == [("http.extraheader", "secret")]
    assert (config.get("no.such"), config.flag("no.such")) == (None, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((true, True) for true in (None, "yes", "On", "true", "1", "-1")),
        *((false, False) for false in ("", "false", "no", "off", "0", "maybe")),
    ],
)
def test_booleans_as_git_reads_them(value: str | None, expected: bool) -> None:
    assert Config({"a.b": (value,)}, {}).flag("a.b") is expected


def test_configuration_is_handed_on_by_environment(tmp_path: Path) -> None:
    variables = as_environment(iter([("http.extraheader", "secret")]), {})
    runner = Git(tmp_path, git_environment() | variables)

    assert "secret" not in " ".join(runner.command("config", "--list"))
    assert runner.run("config", "http.extraHeader").text == "secret"
    assert os.environ.get("GIT_CONFIG_COUNT") is None


def test_an_askpass_of_a_ci_system_stays() -> None:
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        environment = git_environment({name: "/ci/askpass"})

        assert environment[name] == "/ci/askpass"
        assert environment.get("GIT_ASKPASS") in (None, "/ci/askpass")


def test_windows_do_not_open_where_a_person_is_not_to_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr", Terminal())

    assert never_asking({"SSH_ASKPASS": "/usr/bin/ask"})["GIT_ASKPASS"] == ""
    assert "GIT_ASKPASS" not in never_asking({"GIT_ASKPASS": "/own"})
    assert "GIT_TERMINAL_PROMPT" not in git_environment({})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_nobody_may_decide_is_said_to_every_git(tmp_path: Path) -> None:
    """By arguments, which win over the configuration of any repository."""
    git(tmp_path, "init", "-q")
    for key, value in (("core.fsmonitor", "x"), ("gc.auto", "1"), ("protocol.ext.allow", "always")):
        git(tmp_path, "config", key, value)
    config = read_config(Git(tmp_path, git_environment()))

    assert config.get("core.fsmonitor") == "false"
    assert config.get("gc.auto") == "0"
    assert config.get("protocol.ext.allow") == "never"


def test_reading_what_is_anybodys_connects_to_nobody(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    anybodys = Git(tmp_path, git_environment({"GIT_ALLOW_PROTOCOL": "ext"})).obeying_nothing()

    done = anybodys.run("ls-remote", "--", str(tmp_path / "remote.git"))

    assert done.code != 0
    assert "not allowed" in done.err
