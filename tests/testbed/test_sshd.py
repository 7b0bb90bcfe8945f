"""git works over the tests' sshd, with the keys that may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import article as articles
from tests.testbed.git import git
from tests.testbed.sshd import Sshd

pytestmark = pytest.mark.node


def test_a_key_that_is_known_can_clone_and_push(sshd: Sshd, tmp_path: Path) -> None:
    article = articles.build(tmp_path / "article")
    env = {"GIT_SSH_COMMAND": sshd.git_ssh_command}
    git(tmp_path, "clone", "-q", sshd.url(article.remote), "clone", env=env)
    clone = tmp_path / "clone"
    git(clone, "commit", "-q", "--allow-empty", "-m", "Nothing")
    git(clone, "push", "-q", env=env)
    assert git(article.remote, "log", "-1", "--format=%s", "main") == "Nothing"
    assert sshd.logins() == 2


def test_a_key_that_is_unknown_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    article = articles.build(tmp_path / "article")
    unknown = sshd.add_key("other")
    (sshd.directory / "authorized_keys").write_text("")
    with pytest.raises(AssertionError, match="Permission denied"):
        git(
            tmp_path,
            "ls-remote",
            sshd.url(article.remote),
            env={"GIT_SSH_COMMAND": sshd.command_with(unknown)},
        )


def test_a_readers_connections_are_counted_and_it_cannot_push(sshd: Sshd, tmp_path: Path) -> None:
    article = articles.build(tmp_path / "article")
    env = {"GIT_SSH_COMMAND": sshd.command_with(sshd.add_reader("reader"))}

    git(tmp_path, "ls-remote", sshd.url(article.remote), "HEAD", env=env)
    git(tmp_path, "clone", "-q", sshd.url(article.remote), "clone", env=env)

    asked, cloned = sshd.reads("reader")
    assert sshd.reads("somebody else") == []
    assert 100 < asked.total < 1000
    assert cloned.down > 1000
    with pytest.raises(AssertionError, match="read-only"):
        git(tmp_path / "clone", "push", "-q", "origin", "HEAD:refs/heads/mine", env=env)
    with pytest.raises(AssertionError, match="not appear to be a git repository"):
        git(tmp_path, "ls-remote", sshd.url(tmp_path / "nothing.git"), env=env)
