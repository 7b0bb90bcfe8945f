"""One write: what it does to the remote, to the clone, and to neither."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitops_cli.domain.change.proposal import Actor, Edit, Proposal
from gitops_cli.domain.errors import (
    InvalidState,
    Locked,
    SourceMoved,
    UnknownEnvironment,
    UsageError,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from tests.state.test_push import hook
from tests.state.world import (
    AUTH,
    DEV,
    FILES,
    NEW,
    OLD,
    OTHER,
    WEB,
    World,
    fingerprint,
    fixed,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import git, init_bare


def test_a_write_is_one_commit_on_the_remotes_tip(world: World) -> None:
    clone, before = world.clone(), world.tip()

    written = opened(clone).write(setting())

    assert (written.changed, written.parent, written.attempts) == (True, before, 1)
    assert written.commit == world.tip()
    assert git(world.remote, "rev-parse", "main^") == before
    assert world.read(path_of(AUTH)) == NEW
    assert git(world.remote, "diff", "--name-only", "main^", "main") == path_of(AUTH)
    assert git(world.remote, "log", "-1", "--format=%an <%ae> %s") == (
        "Grace Hopper <grace@example.com> shop-development: auth aaaaaaa → bbbbbbb"
    )
    trailers = git(world.remote, "log", "-1", "--format=%(trailers)")
    assert trailers.strip() == "Gitops-Action: set"


def test_a_clean_clone_follows(world: World) -> None:
    clone = world.clone()

    written = opened(clone).write(setting())

    assert written.notes == ()
    assert git(clone, "rev-parse", "HEAD", "origin/main").split() == [written.commit] * 2
    assert (clone / path_of(AUTH)).read_text() == f"{NEW}\n"
    assert git(clone, "status", "--porcelain") == ""


def test_a_stale_clone_never_writes_over_what_it_did_not_see(world: World) -> None:
    clone = world.clone()
    world.commit({path_of(WEB): f"{OTHER}\n"})

    written = opened(clone).write(setting())

    assert (written.changed, written.attempts) == (True, 2)
    assert (world.read(path_of(WEB)), world.read(path_of(AUTH))) == (OTHER, NEW)
    assert world.count() == 3


def test_unpushed_commits_of_the_user_stay_unpushed(world: World) -> None:
    clone = world.clone()
    (clone / "notes.txt").write_text("mine\n")
    git(clone, "add", "notes.txt")
    git(clone, "commit", "-q", "-m", "not yet to be seen")
    mine = git(clone, "rev-parse", "HEAD")

    written = opened(clone).write(setting())

    assert git(world.remote, "ls-tree", "--name-only", "main").split() == [
        "shop-development",
        "shop-production",
    ]
    assert git(clone, "rev-parse", "HEAD") == mine
    assert "stays where it is" in written.notes[0]


def test_nothing_to_change_is_no_commit_and_confirmed_by_the_remote(world: World) -> None:
    clone, before = world.clone(), fingerprint(world.remote)

    written = opened(clone).write(setting(value=OLD))

    assert (written.changed, written.commit, written.attempts) == (False, world.tip(), 0)
    assert fingerprint(world.remote) == before


def test_a_no_op_of_a_stale_clone_is_none(world: World) -> None:
    clone = world.clone()
    world.commit({path_of(AUTH): f"{OTHER}\n"})

    written = opened(clone).write(setting(value=OLD))

    assert written.changed
    assert world.read(path_of(AUTH)) == OLD


def test_what_somebody_else_wrote_meanwhile_is_a_no_op(world: World) -> None:
    clone = world.clone()
    theirs = world.commit({path_of(AUTH): f"{NEW}\n"})

    written = opened(clone).write(setting())

    assert (written.changed, written.commit) == (False, theirs)
    assert world.tip() == theirs


def test_the_same_commit_made_by_two_belongs_to_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-11-03T08:00:00Z")
    mine, theirs = opened(world.clone("mine")), opened(world.clone("theirs"))
    done = []

    def propose(snapshot: Snapshot) -> Proposal:
        if not done:  # after ours was computed, before it is pushed
            done.append(theirs.write(setting()))
        return setting()(snapshot)

    written = mine.write(propose)

    assert done[0].changed
    assert not written.changed
    assert world.tip() == done[0].commit == written.commit


def test_a_refusal_of_a_stale_clone_is_asked_again_of_the_real_tip(world: World) -> None:
    world.commit({f"{DEV}/auth.lock": 'by = "x"\n'})
    clone = world.clone()
    world.commit({f"{DEV}/auth.lock": None})

    assert opened(clone).write(setting()).changed


def test_a_lock_that_the_clone_has_not_seen_refuses(world: World) -> None:
    clone = world.clone()
    locked = world.commit({f"{DEV}/auth.lock": 'by = "x"\n'})

    with pytest.raises(Locked):
        opened(clone).write(setting())

    assert world.tip() == locked


def test_an_edit_of_what_does_not_stand_there_is_refused(world: World) -> None:
    edit = Edit(path_of(AUTH), f"{OTHER}\n".encode(), f"{NEW}\n".encode())

    with pytest.raises(SourceMoved, match=path_of(AUTH)):
        opened(world.clone()).write(lambda _: fixed(edit))

    assert world.count() == 1


def test_several_files_made_changed_and_removed_are_one_commit(world: World) -> None:
    lock = f"{DEV}/.lock"
    edits = (
        Edit(path_of(AUTH), f"{OLD}\n".encode(), f"{NEW}\n".encode()),
        Edit(path_of(WEB), OLD.encode(), None),
        Edit(lock, None, b'by = "x"\n'),
        Edit("new-environment/deep/er/file", None, b"\0binary\r\n"),
    )

    written = opened(world.clone()).write(lambda _: fixed(*edits))

    assert world.count() == 2
    listed = git(world.remote, "diff-tree", "-r", "--name-status", "main^", "main")
    assert listed.split("\n") == [
        "A\tnew-environment/deep/er/file",
        f"A\t{lock}",
        f"M\t{path_of(AUTH)}",
        f"D\t{path_of(WEB)}",
    ]
    contents = opened(world.clone("second")).contents(written.commit, "new-environment")
    assert contents == {"new-environment/deep/er/file": b"\0binary\r\n"}
    git(world.remote, "fsck", "--strict")


def test_the_last_file_takes_its_directory_along(world: World) -> None:
    edits = [Edit(path, text.encode(), None) for path, text in FILES.items() if DEV in path]

    opened(world.clone()).write(lambda _: fixed(*edits))

    assert git(world.remote, "ls-tree", "--name-only", "main") == "shop-production"


def test_modes_are_kept(world: World) -> None:
    clone = world.clone()
    (clone / path_of(AUTH)).chmod(0o755)
    git(clone, "commit", "-q", "-am", "executable for some reason")
    git(clone, "push", "-q")

    opened(clone).write(setting())

    assert git(world.remote, "ls-tree", "main", path_of(AUTH)).startswith("100755 ")


@pytest.mark.parametrize(
    "path",
    [
        "../out",
        "/etc/passwd",
        "shop-development/../../x",
        ".git/config",
        "a/.GIT/hooks/post-merge",
        "a/.git ./x",
        "a/git~1/x",
        "a//b",
        "",
        "a\nb",
        "a\\b",
        "a/.git::$INDEX_ALLOCATION/x",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(world: World, path: str) -> None:
    with pytest.raises(UsageError):
        opened(world.clone()).write(lambda _: fixed(Edit(path, None, b"x")))

    assert world.count() == 1


def test_nothing_is_written_through_a_symbolic_link(world: World) -> None:
    clone = world.clone()
    (clone / "link").symlink_to("shop-production")
    (clone / DEV / "db.deployment").symlink_to("/etc/passwd")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "links")
    git(clone, "push", "-q")
    before = world.tip()

    with pytest.raises(InvalidState, match="symbolic link"):
        opened(clone).write(lambda _: fixed(Edit("link/auth.deployment", None, b"x")))
    with pytest.raises(InvalidState, match="symbolic link"):
        opened(clone).write(lambda _: fixed(Edit(f"{DEV}/db.deployment", b"/etc/passwd", b"x")))
    with pytest.raises(InvalidState, match="is a file"):
        opened(clone).write(lambda _: fixed(Edit(f"{path_of(AUTH)}/x", None, b"x")))
    with pytest.raises(InvalidState, match="directory"):
        opened(clone).write(lambda _: fixed(Edit(DEV, None, b"x")))

    assert world.tip() == before


def test_neither_message_nor_reason_can_forge_a_trailer(world: World) -> None:
    def propose(snapshot: Snapshot) -> Proposal:
        plain = setting()(snapshot)
        return Proposal(
            plain.edits,
            "subject\n\nGitops-Action: rollback",
            body="please\n\nGitops-Action: promote\nSigned-off-by: Boss <b@example.com>",
            trailers=(("Gitops-Action", "set"), ("Gitops-Reason", "x\n\nGitops-Env: prod")),
        )

    opened(world.clone()).write(propose)

    message = git(world.remote, "log", "-1", "--format=%B")
    parsed = git(world.remote, "interpret-trailers", "--parse", stdin=message)
    assert parsed.split("\n") == ["Gitops-Action: set", "Gitops-Reason: x Gitops-Env: prod"]
    assert git(world.remote, "log", "-1", "--format=%s") == "subject Gitops-Action: rollback"


def test_the_ci_actor_is_the_author(world: World) -> None:
    opened(world.clone()).write(setting(), actor=Actor("octocat", "octo@example.com"))

    who = git(world.remote, "log", "-1", "--format=%an <%ae> / %cn <%ce>")
    assert who == "octocat <octo@example.com> / Grace Hopper <grace@example.com>"


def test_an_empty_remote_gets_its_first_commit(tmp_path: Path) -> None:
    remote = init_bare(tmp_path / "empty.git")
    git(tmp_path, "clone", "-q", str(remote), "clone")
    edit = Edit("shop-development/images_path", None, b"registry.example.com/shop/\n")
    repository = opened(tmp_path / "clone")

    tip = repository.tip()
    written = repository.write(lambda _: fixed(edit))

    assert (tip.commit, tip.fresh, written.parent) == (None, True, None)
    assert git(remote, "rev-parse", "refs/heads/main") == written.commit
    assert git(tmp_path / "clone", "status", "--porcelain") == ""
    assert list(opened(tmp_path / "clone").snapshot(written.commit).environments) == [DEV]


def test_an_empty_remote_by_url(tmp_path: Path) -> None:
    remote = init_bare(tmp_path / "empty.git")
    edit = Edit("shop-development/images_path", None, b"registry.example.com/shop/\n")

    written = opened_url(remote).write(lambda _: fixed(edit))

    assert git(remote, "rev-parse", "refs/heads/main") == written.commit


def test_sha256_repositories(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", str(remote))
    git(tmp_path, "init", "-q", "--object-format=sha256", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", str(remote))
    path, value = "shop-development/auth.deployment", ("d" * 64 + "\n").encode()

    first = opened(tmp_path / "clone").write(lambda _: fixed(Edit(path, None, value)))
    by_url = opened_url(remote)
    second = by_url.write(lambda _: fixed(Edit(path, value, b"e" * 64 + b"\n")))

    assert second.parent == first.commit
    assert len(str(second.commit)) == 64
    history = list(by_url.past.file_history(path, start=str(second.commit)))
    assert [change.commit.hash for change in history] == [second.commit, first.commit]


def test_through_the_mirror(world: World) -> None:
    repository = opened_url(world.remote)

    written = repository.write(setting())
    again = opened_url(world.remote).write(setting(WEB))

    assert (written.changed, again.changed, again.attempts) == (True, True, 1)
    assert again.parent == written.commit
    assert world.tip() == again.commit


def test_an_unknown_environment_is_an_error_of_the_proposal(world: World) -> None:
    with pytest.raises(UnknownEnvironment):
        opened(world.clone()).write(setting(environment=EnvironmentName("nowhere")))


def test_no_write_offline_or_at_an_old_commit(world: World) -> None:
    clone = world.clone()

    with pytest.raises(UsageError, match="--offline"):
        opened(clone, offline=True).write(setting())
    with pytest.raises(UsageError, match="--rev"):
        opened(clone, rev="HEAD").write(setting())
    assert world.count() == 1


def test_the_push_url_is_where_it_goes(world: World, tmp_path: Path) -> None:
    clone, mirror = world.clone(), tmp_path / "read-only.git"
    git(tmp_path, "clone", "-q", "--bare", str(world.remote), str(mirror))
    git(clone, "remote", "set-url", "origin", str(mirror))
    git(clone, "remote", "set-url", "--push", "origin", str(world.remote))
    before = git(mirror, "rev-parse", "main")

    written = opened(clone).write(setting())

    assert (world.tip(), git(mirror, "rev-parse", "main")) == (written.commit, before)


def test_a_branch_deleted_meanwhile_is_not_made_again(world: World) -> None:
    clone = world.clone()
    git(world.remote, "update-ref", "-d", "refs/heads/main")

    with pytest.raises(Exception, match="does not exist at the remote any more"):
        opened(clone).write(setting(), timeout=0)

    assert git(world.remote, "for-each-ref") == ""


def test_a_branch_rewound_meanwhile_is_not_revived(world: World) -> None:
    first = world.tip()
    bad = world.commit({path_of(WEB): f"{OTHER}\n"})
    clone = world.clone()
    git(world.remote, "update-ref", "refs/heads/main", first)

    written = opened(clone).write(setting())

    assert written.parent == first
    assert world.read(path_of(WEB)) == OLD
    assert bad not in git(world.remote, "rev-list", "main")


def test_ctrl_c_during_a_push_says_what_is_known(world: World) -> None:
    clone = world.clone()
    hook(world.remote, "post-receive", f"kill -INT $(cat {world.directory}/pid); sleep 5")
    code = (
        "from tests.state.world import *; import os\n"
        f"Path({str(world.directory)!r}, 'pid').write_text(str(os.getpid()))\n"
        f"opened(Path({str(clone)!r})).write(setting())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert b"Interrupted: interrupted during the push" in done.stderr
    assert world.tip()[:12].encode() in done.stderr
