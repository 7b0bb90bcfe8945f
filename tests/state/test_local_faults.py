"""What goes wrong on this machine: one clear error of the right code, nothing half written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from gitops_cli.domain.errors import (
    ConfigurationError,
    Denied,
    GitError,
    GitOpsError,
    UsageError,
)
from tests.state.world import (
    AS_NOBODY,
    NEW,
    NOBODY,
    OTHER,
    WEB,
    World,
    failure_of,
    fingerprint,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import git


def without_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for kind in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{kind}")
    monkeypatch.delenv("EMAIL", raising=False)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")


def test_a_person_without_identity(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = world.clone()
    without_identity(monkeypatch)

    with pytest.raises(UsageError) as caught:
        opened(clone).write(setting())

    assert "git config --global user.name" in str(caught.value.hint)
    assert "git config --global user.email" in str(caught.value.hint)
    assert world.count() == 1


def test_ci_without_identity(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = world.clone()
    without_identity(monkeypatch)
    monkeypatch.setenv("CI", "true")

    opened(clone).write(setting())

    who = git(world.remote, "log", "-1", "--format=%an <%ae> / %cn <%ce>")
    assert who == "gitops <gitops@localhost> / gitops <gitops@localhost>"


def test_a_commit_that_cannot_be_signed(world: World) -> None:
    clone = world.clone()
    git(clone, "config", "commit.gpgSign", "true")
    git(clone, "config", "gpg.format", "ssh")
    git(clone, "config", "user.signingKey", str(world.directory / "no-such-key"))

    with pytest.raises(GitError) as caught:
        opened(clone).write(setting())

    assert "gpgSign" in str(caught.value.hint)
    assert world.count() == 1


def test_signing_with_ssh(world: World) -> None:
    assert shutil.which("ssh-keygen"), "apt-get install openssh-client"
    clone, key = world.clone(), world.directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = world.directory / "allowed"
    allowed.write_text(f"grace@example.com {key.with_suffix('.pub').read_text()}")
    git(clone, "config", "commit.gpgSign", "true")
    git(clone, "config", "gpg.format", "ssh")
    git(clone, "config", "user.signingKey", str(key))
    git(clone, "config", "gpg.ssh.allowedSignersFile", str(allowed))

    written = opened(clone).write(setting())

    shown = git(clone, "log", "-1", "--format=%G? %GS", str(written.commit))
    assert shown == "G grace@example.com"


def test_a_shallow_clone_writes_and_tells_the_truth(world: World) -> None:
    first = world.tip()
    for value in (OTHER, NEW, OTHER):
        world.commit({path_of(WEB): f"{value}\n"})
    clone = world.clone("shallow", "--depth=1", "--no-local")
    repository = opened(clone)

    assert repository.is_ancestor(first, world.tip()) is None
    written = repository.write(setting())
    assert world.tip() == written.commit
    shallow = (clone / ".git/shallow").read_bytes()
    repository.past.complete()
    history = list(repository.past.file_history(path_of(WEB), start=str(written.commit)))

    assert [change.new for change in history] == [
        f"{value}\n".encode() for value in (OTHER, NEW, OTHER, "a" * 40)
    ]
    assert repository.is_ancestor(first, str(written.commit)) is True
    assert repository.is_ancestor(str(written.commit), first) is False
    assert (clone / ".git/shallow").read_bytes() == shallow
    assert repository.resolve(f"{written.commit}~4") == first


def test_not_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in a git repository"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="no such directory"):
        opened(tmp_path / "missing")


def test_git_is_not_installed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = world.clone()
    monkeypatch.setenv("PATH", str(world.directory))

    with pytest.raises(ConfigurationError, match="git is not installed"):
        opened(clone)


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch x", "ext::sh -c touch% x", "fd::7", "a\nb", "::x", ""]
)
def test_urls_that_run_commands(world: World, url: str) -> None:
    with pytest.raises(UsageError):
        opened_url(url)
    clone = world.clone()
    git(clone, "config", "remote.origin.url", url)
    with pytest.raises(GitOpsError):
        opened(clone).write(setting(), timeout=0)

    assert not list(world.directory.rglob("x"))


def test_several_remotes_and_none_chosen(world: World) -> None:
    clone = world.clone()
    git(clone, "remote", "rename", "origin", "one")
    git(clone, "remote", "add", "two", "/nowhere")
    git(clone, "switch", "-q", "--detach")

    with pytest.raises(ConfigurationError, match="one, two") as caught:
        opened(clone)

    assert "--set-upstream-to" in str(caught.value.hint)


def test_a_clone_that_cannot_be_written(world: World) -> None:
    clone = world.clone()
    code = f"{AS_NOBODY}opened(Path({str(clone)!r})).write(setting())"
    for directory in [clone, *clone.rglob("*")]:
        if directory.is_dir():
            directory.chmod(0o555)
    before = fingerprint(clone)

    error = failure_of(world, code)

    assert (error["name"], error["code"]) == ("Denied", 4)
    assert fingerprint(clone) == before
    assert world.count() == 1


@pytest.mark.skipif(os.getuid() != 0, reason="giving a repository to somebody else needs root")
def test_a_repository_of_somebody_else(world: World) -> None:
    clone = world.clone()
    for path in [clone, *clone.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    with pytest.raises(Denied) as caught:
        opened(clone)

    assert f"safe.directory {clone}" in str(caught.value.hint)


def test_files_that_cannot_grow_are_a_full_disk(world: World) -> None:
    """RLIMIT_FSIZE stands in where no file system can be mounted; see the `node` test."""
    clone = world.clone()
    code = (
        "import resource, signal; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
        f"opened(Path({str(clone)!r})).write(setting())"
    )

    error = failure_of(world, code)

    assert (error["name"], error["code"]) == ("GitError", 3)
    assert world.count() == 1
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    assert opened(clone).write(setting()).changed


@pytest.mark.node
def test_a_full_disk(world: World) -> None:
    """A real one: a file system of 4 MB, filled up."""
    disk = world.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=True)
    try:
        git(disk, "clone", "-q", str(world.remote), "clone")
        with opened(disk / "clone") as repository:
            repository.tip()
            fill_up(disk / "fill")
            with pytest.raises(GitError, match="disk is full"):
                repository.write(setting())
            assert world.count() == 1
            (disk / "fill").unlink()
            assert repository.write(setting()).changed
    finally:
        subprocess.run(["umount", disk], check=True)


def fill_up(file: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"\0" * 4096)


def test_what_has_arrived_is_written_though_git_is_gone_by_then(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone, programs = world.clone(), tmp_path / "programs"
    programs.mkdir()
    found = shutil.which("git")
    assert found is not None
    (programs / "git").symlink_to(found)
    hook = world.remote / "hooks/post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n/bin/rm {programs}/git\n")
    hook.chmod(0o755)
    with monkeypatch.context() as only:
        only.setenv("PATH", str(programs))
        with opened(clone) as state:
            written = state.write(setting())

    assert written.changed
    assert written.commit == world.tip()
    assert any("stays where it is" in note for note in written.notes)
