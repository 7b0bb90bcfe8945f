"""What goes wrong outside: one clear error of the right code, nothing half written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gitops_cli.domain.errors import (
    ConfigurationError,
    Denied,
    ExitCode,
    GitError,
    GitOpsError,
    PushRefused,
    RemoteUnreachable,
    RetriesExhausted,
    UsageError,
)
from tests.state.http_remote import HttpRemote
from tests.state.test_push import hook
from tests.state.world import (
    AS_NOBODY,
    AUTH,
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


@pytest.fixture
def http(world: World) -> Iterator[HttpRemote]:
    """Return an HTTP server for the world's remote."""
    git(world.remote, "config", "http.receivepack", "true")
    with HttpRemote(world.directory) as server:
        yield server


def http_clone(world: World, http: HttpRemote, credentials: str = "") -> Path:
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", http.url("remote.git", credentials))
    return clone


def test_a_hook_that_refuses_is_shown_and_tried_three_times(world: World) -> None:
    clone = world.clone()
    hook(world.remote, "pre-receive", "echo x >> tries; echo 'no \033[1mdeploys today'; exit 1")

    with pytest.raises(PushRefused) as caught:
        opened(clone).write(setting())

    assert "no \\x1b[1mdeploys today" in caught.value.message
    assert caught.value.exit_code is ExitCode.GIT
    assert (world.remote / "tries").read_text().split() == ["x"] * 3
    assert world.count() == 1


def test_a_hook_that_refuses_only_at_first_is_not_the_end(world: World) -> None:
    clone = world.clone()
    hook(world.remote, "pre-receive", "echo x >> tries; test $(wc -l < tries) -gt 2")

    written = opened(clone).write(setting())

    assert (written.changed, written.attempts, world.count()) == (True, 3, 2)


def test_a_protected_branch(world: World) -> None:
    clone = world.clone()
    hook(world.remote, "update", 'echo "GH006: Protected branch update failed for $1"; exit 1')

    with pytest.raises(PushRefused, match="GH006: Protected branch") as caught:
        opened(clone).write(setting())

    assert "pull request" in str(caught.value.hint)


def test_a_pre_push_hook_is_not_asked_twice(world: World) -> None:
    clone = world.clone()
    script = f"echo x >> {world.directory}/tries; echo 'tests are red' >&2; exit 1"
    hook(clone / ".git", "pre-push", script)

    with pytest.raises(PushRefused, match="tests are red"):
        opened(clone).write(setting())

    assert (world.directory / "tries").read_text().split() == ["x"]


def test_an_expired_credential(world: World, http: HttpRemote) -> None:
    http.password = "new"
    clone = http_clone(world, http, "ci:old-secret@")

    with pytest.raises(Denied) as caught:
        opened(clone).tip()
    with pytest.raises(Denied) as caught_writing:
        opened(clone).write(setting())

    for error in (caught.value, caught_writing.value):
        assert error.exit_code is ExitCode.DENIED
        assert "old-secret" not in f"{error.message} {error.hint}"
    assert world.count() == 1


def test_no_credential_and_no_terminal_does_not_hang(world: World, http: HttpRemote) -> None:
    http.password = "new"

    with pytest.raises(Denied):
        opened(http_clone(world, http)).tip()


def test_without_permission_to_push(world: World, http: HttpRemote) -> None:
    git(world.remote, "config", "http.receivepack", "false")

    with pytest.raises(Denied):
        opened(http_clone(world, http)).write(setting())


def test_credentials_work_and_are_never_shown(world: World, http: HttpRemote) -> None:
    http.password = "secret"
    clone = http_clone(world, http, "ci:secret@")

    repository = opened(clone)
    written = repository.write(setting())

    assert world.tip() == written.commit
    assert "secret" not in repository.description
    by_url = opened_url(http.url("remote.git", "ci:secret@"))
    assert by_url.tip().commit == written.commit
    cache = Path(os.environ["XDG_CACHE_HOME"])
    assert not [f for f in cache.rglob("*") if f.is_file() and b"secret" in f.read_bytes()]


def test_a_push_that_arrived_unanswered_is_recognised(world: World, http: HttpRemote) -> None:
    http.break_pushes = 1

    written = opened(http_clone(world, http)).write(setting())

    assert (written.changed, written.attempts) == (True, 1)
    assert (world.tip(), world.count()) == (written.commit, 2)


def test_it_is_recognised_below_later_commits_too(world: World, http: HttpRemote) -> None:
    http.break_pushes = 1
    clone = http_clone(world, http)
    tree = f"git commit-tree -p main -m later {world.tip()}^{{tree}}"
    hook(world.remote, "post-receive", f"git update-ref refs/heads/main $({tree})")

    written = opened(clone).write(setting())

    assert written.changed
    assert git(world.remote, "rev-parse", "main^") == written.commit
    assert world.count() == 3


def test_a_push_that_did_not_arrive_is_repeated(world: World, http: HttpRemote) -> None:
    http.refuse_pushes = 2  # the first of which curl repeats by itself

    written = opened(http_clone(world, http)).write(setting())

    assert (written.changed, written.attempts) == (True, 2)
    assert (world.tip(), world.count()) == (written.commit, 2)


def test_through_the_mirror_too(world: World, http: HttpRemote) -> None:
    http.break_pushes = 1

    written = opened_url(http.url("remote.git")).write(setting())

    assert (written.changed, written.attempts) == (True, 1)
    assert (world.tip(), world.count()) == (written.commit, 2)


def test_a_server_that_is_ill(world: World, http: HttpRemote) -> None:
    http.status = 503

    with pytest.raises(RemoteUnreachable) as caught:
        opened(http_clone(world, http)).tip()

    assert "--offline" in str(caught.value.hint)


def test_a_server_that_gets_well_in_time(world: World, http: HttpRemote) -> None:
    clone = http_clone(world, http)
    http.status = 503
    heard = []

    def notify(text: str) -> None:
        heard.append(text)

    def recovering(snapshot: object) -> object:
        http.status = None
        return setting()(snapshot)  # type: ignore[arg-type]

    repository = opened(clone, notify=notify)
    assert repository.tip(require_remote=False).note is not None
    written = repository.write(recovering)  # type: ignore[arg-type]

    assert written.changed


def test_a_remote_that_vanishes_after_the_fetch(world: World) -> None:
    clone = world.clone()
    repository = opened(clone)
    repository.tip()
    before = fingerprint(clone, objects=False)
    world.remote.rename(world.directory / "gone")

    with pytest.raises(RemoteUnreachable) as caught:
        repository.write(setting(), timeout=1)

    assert caught.value.exit_code is ExitCode.GIT
    assert "may have arrived" in caught.value.message
    assert fingerprint(clone, objects=False) == before


def test_a_remote_that_is_gone_still_shows_the_last_known(world: World) -> None:
    clone, known = world.clone(), world.tip()
    opened_url(world.remote).tip()
    world.remote.rename(world.directory / "gone")

    for repository in (opened(clone), opened_url(world.remote)):
        with pytest.raises(RemoteUnreachable, match=r"remote\.git"):
            repository.tip()
        tip = repository.tip(require_remote=False)
        assert (tip.commit, tip.fresh) == (known, False)
        assert "remote.git" in str(tip.note)


def test_offline_does_not_look(world: World) -> None:
    clone, known = world.clone(), world.tip()
    opened_url(world.remote).tip()
    world.commit({path_of(WEB): f"{OTHER}\n"})

    for repository in (opened(clone, offline=True), opened_url(world.remote, offline=True)):
        tip = repository.tip()
        assert (tip.commit, tip.fresh, tip.note) == (known, False, None)
    with pytest.raises(RemoteUnreachable, match="never been fetched"):
        opened_url(world.directory / "other.git", offline=True)


def test_losing_every_race_ends_with_the_time(world: World) -> None:
    clone = world.clone()
    commit = "git commit-tree -p main -m theirs main^{tree}"
    script = f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main $({commit})"
    hook(world.remote, "pre-receive", script)

    with pytest.raises(RetriesExhausted, match="kept moving") as caught:
        opened(clone).write(setting(), timeout=1.5)

    assert caught.value.exit_code is ExitCode.GIT
    assert world.read(path_of(AUTH)) != NEW


@pytest.mark.parametrize("name", ["refs/heads/main.lock", "HEAD.lock"])
def test_a_lock_of_a_dead_git_in_a_local_remote(world: World, name: str) -> None:
    clone, lock = world.clone(), world.remote / name
    lock.touch()
    heard: list[str] = []

    with pytest.raises(PushRefused, match=lock.name):
        opened(clone, notify=heard.append).write(setting(), timeout=2)
    assert lock.exists()
    assert str(lock) in heard[0]

    os.utime(lock, (0, 0))
    assert opened(clone).write(setting()).changed
    assert not lock.exists()


def test_the_same_without_a_remote(world: World) -> None:
    lock = world.remote / "refs/heads/main.lock"
    lock.touch()
    os.utime(lock, (0, 0))

    assert opened(world.remote).write(setting()).changed


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
    repository.fetch_history()
    history = list(repository.file_history(path_of(WEB), start=str(written.commit)))

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
