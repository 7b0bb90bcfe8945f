"""What goes wrong at the remote: one clear error of the right code, nothing half written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.domain.errors import (
    Denied,
    ExitCode,
    PushRefused,
    RemoteMissing,
    RemoteUnreachable,
    RetriesExhausted,
)
from tests.state.http_remote import HttpRemote
from tests.state.test_push import hook
from tests.state.world import (
    AUTH,
    NEW,
    OTHER,
    WEB,
    World,
    fingerprint,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import git
from tests.testbed.patience import HANGING


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


def test_who_is_alone_is_not_told_of_others(world: World) -> None:
    """A server's rule refuses it, while it waits to see whether it was a race."""
    clone, heard = world.clone(), list[str]()
    hook(world.remote, "pre-receive", f"sleep 0.2; echo '{'no ' * 200}'; exit 1")

    with pytest.raises(PushRefused):
        opened(clone, notify=heard.append).write(setting())

    assert "others" not in "".join(heard)
    assert max(map(len, heard), default=0) < 150


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


def test_a_denied_login_is_not_tried_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try may ask for a password, and brings the account nearer to being locked."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f"#!/bin/sh\necho login >> {tmp_path}/logins\n"
        "echo 'git@example.com: Permission denied (publickey).' >&2\nexit 255\n"
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    clone = world.clone()
    git(clone, "remote", "set-url", "origin", "ssh://git@example.com/state.git")

    with pytest.raises(Denied, match="publickey"):
        opened(clone).write(setting())

    assert (tmp_path / "logins").read_text().split() == ["login"]


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


def test_a_remote_that_is_none_is_told_at_once(world: World) -> None:
    clone, heard = world.clone(), list[str]()
    world.remote.rename(world.directory / "gone")

    with pytest.raises(RemoteMissing, match="does not appear to be a git repository") as caught:
        opened(clone, notify=heard.append).write(setting(), timeout=HANGING)

    assert caught.value.exit_code is ExitCode.GIT
    assert heard == [], "nothing is tried again"


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
