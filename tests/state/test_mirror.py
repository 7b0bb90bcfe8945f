"""The cached mirror: made once, shared, completed, cleaned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_cli.domain.errors import Denied, GitError
from gitops_cli.git.cache import cache_directory
from gitops_cli.git.mirror import mirror_path
from gitops_cli.git.remote import check_ref
from tests.state.test_push import hook
from tests.state.world import (
    AS_NOBODY,
    AUTH,
    NEW,
    OTHER,
    START,
    WEB,
    World,
    failure_of,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.patience import eventually

ROOT = Path(__file__).parents[2]


def mirrors() -> Path:
    return Path(os.environ["XDG_CACHE_HOME"], "gitops-cli", "mirrors")


def mirror() -> Path:
    (found,) = mirrors().glob("*.git")
    return found


def test_only_the_tip_is_fetched_until_history_is_asked_for(world: World) -> None:
    for value in (NEW, OTHER):
        world.commit({path_of(AUTH): f"{value}\n"})
    with opened_url(world.remote) as repository:
        tip = str(repository.tip().commit)
        assert (mirror() / "shallow").exists()
        assert git(mirror(), "rev-list", "--count", tip) == "1"

        assert len(list(repository.past.file_history(path_of(AUTH), start=tip))) == 3

        assert not (mirror() / "shallow").exists()
        assert (mirror() / "objects/info/commit-graphs/commit-graph-chain").exists()


def test_only_its_owner_may_look(world: World) -> None:
    opened_url(world.remote).tip()

    assert mirrors().stat().st_mode & 0o777 == 0o700
    assert mirror().stat().st_mode & 0o077 == 0


def test_a_warm_mirror_sees_what_is_new(world: World) -> None:
    opened_url(world.remote).tip()
    new = world.commit({path_of(WEB): f"{NEW}\n"})

    with opened_url(world.remote) as repository:
        assert repository.tip().commit == new
        assert repository.snapshot(new).environments["shop-development"].versions[WEB].tag == NEW
    assert git(mirror(), "rev-parse", "main") == new
    git(mirror(), "fsck", "--strict")


def test_the_remotes_head_may_become_another_branch(world: World) -> None:
    opened_url(world.remote).tip()
    git(world.remote, "branch", "-m", "main", "trunk")
    git(world.remote, "symbolic-ref", "HEAD", "refs/heads/trunk")

    repository = opened_url(world.remote)
    written = repository.write(setting()) if repository.tip().fresh else None

    assert repository.branch == "trunk"
    assert written is not None
    assert world.tip("trunk") == written.commit
    assert opened_url(world.remote, offline=True).tip().commit == written.commit


def test_a_remote_whose_head_does_not_exist(world: World) -> None:
    git(world.remote, "symbolic-ref", "HEAD", "refs/heads/master")

    repository = opened_url(world.remote)

    assert repository.tip().commit == world.tip()
    assert repository.branch == "main"
    assert repository.write(setting()).commit == world.tip()


def test_a_remote_with_a_detached_head(world: World) -> None:
    git(world.remote, "update-ref", "--no-deref", "HEAD", world.tip())

    repository = opened_url(world.remote)

    assert repository.tip().commit == world.tip()
    assert repository.write(setting()).commit == world.tip()


def test_a_rewound_remote(world: World) -> None:
    first = world.tip()
    world.commit({path_of(WEB): f"{NEW}\n"})
    opened_url(world.remote).tip()
    git(world.remote, "update-ref", "refs/heads/main", first)

    assert opened_url(world.remote).tip().commit == first
    written = opened_url(world.remote).write(setting())
    assert (written.parent, world.tip()) == (first, written.commit)


@pytest.mark.sweep
def test_many_processes_make_and_read_one_mirror(world: World) -> None:
    code = (
        "from tests.state.world import *\n"
        f"for _ in range(4):\n  r = opened_url({str(world.remote)!r})\n"
        "  t = r.tip(); assert t.fresh, t; r.snapshot(t.commit)\n"
        "  r.past.complete(); assert list(r.past.file_history(path_of('auth'), start=t.commit))\n"
    )
    readers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(12)
    ]
    for number in range(10):
        world.commit({path_of(WEB): f"{number:040x}\n"})

    for reader in readers:
        _, err = reader.communicate(timeout=120)
        assert reader.returncode == 0, err.decode()
    git(mirror(), "fsck", "--strict")


def test_a_path_to_a_clone_means_the_clone(world: World) -> None:
    clone = world.clone()

    repository = opened_url(clone)

    assert repository.worktree == clone
    assert repository.write(setting()).commit == git(clone, "rev-parse", "HEAD")
    assert not mirrors().exists()


def test_the_fallback_is_for_a_services_checkout(world: World, tmp_path: Path) -> None:
    service = tmp_path / "service"
    git(tmp_path, "init", "-q", str(service))
    (service / "src").mkdir()
    (service / "src" / "main.py").write_text("pass\n")
    clone = world.clone()

    assert opened(service, fallback=str(clone)).worktree == clone
    assert opened(tmp_path, fallback=str(clone)).worktree == clone
    assert opened(clone, fallback="/nowhere").worktree == clone
    assert opened(clone / "shop-production", fallback="/nowhere").worktree == clone
    assert opened(service).worktree == service


def test_an_empty_repository_is_nobodys_service(world: World, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "new")
    git(tmp_path, "init", "-q", "--bare", "new.git")

    usual = str(world.clone())

    assert opened(tmp_path / "new", fallback=usual).worktree == tmp_path / "new"
    assert opened(tmp_path / "new.git", fallback=usual).worktree is None


def test_a_cache_that_cannot_be_written(world: World) -> None:
    code = "os.environ['XDG_CACHE_HOME'] = '/proc/none'; "

    error = failure_of(world, f"{AS_NOBODY}{code}opened_url({str(world.remote)!r}).tip()")

    assert error["code"] in {3, 4}
    assert "/proc/none" in str(error["message"])


def test_a_cache_that_is_a_file(world: World) -> None:
    Path(os.environ["XDG_CACHE_HOME"]).write_text("")

    with pytest.raises(GitError, match="cannot write"):
        opened_url(world.remote).tip()


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/../../x",
        "refs/heads/a..b",
        "HEAD",
        "refs/heads/a.lock",
        "refs/heads/.x",
        "refs/heads/a b",
        "refs/heads/x/",
    ],
)
def test_branch_names_of_a_hostile_remote(ref: str) -> None:
    with pytest.raises(GitError):
        check_ref(ref)


def test_much_that_piles_up_is_packed(world: World) -> None:
    opened_url(world.remote).tip()
    news = [
        Commit("By hand", {path_of(WEB): f"{number:040x}\n"}, START + number)
        for number in range(55)
    ]
    commits = add_commits(world.remote, news)
    git(mirror(), "fetch", "-q", str(world.remote), "main:refs/heads/main")
    assert len(list((mirror() / "objects/pack").glob("*.pack"))) < 10
    for commit in commits:
        git(mirror(), "pack-objects", "-q", "objects/pack/pack", stdin=f"{commit}\n")

    with opened_url(world.remote) as repository:
        assert repository.write(setting()).commit == world.tip()

    eventually(lambda: len(list((mirror() / "objects/pack").glob("*.pack"))) < 10)
    with opened_url(world.remote) as repository:
        assert repository.write(setting(WEB)).commit == world.tip()


def test_credentials_that_change_share_a_mirror(world: World) -> None:
    here = cache_directory(os.environ)

    one, other = (
        mirror_path(here, f"https://{who}@example.com/x.git") for who in ("ci:old", "ci:new")
    )

    assert one == other
    assert one != mirror_path(here, "https://ci:old@example.com/y.git")


def test_a_mirror_without_its_head_is_made_again(world: World) -> None:
    opened_url(world.remote).tip()
    (mirror() / "HEAD").unlink()

    assert opened_url(world.remote).write(setting()).commit == world.tip()


def test_a_branch_that_goes_while_writing(world: World) -> None:
    """The mirror fetches by name; only a look can tell that the name is gone."""
    repository = opened_url(world.remote)
    repository.tip()
    hook(
        world.remote, "pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref -d refs/heads/main"
    )

    with pytest.raises(GitError, match="does not exist at the remote any more"):
        repository.write(setting(), timeout=60)


def test_new_commits_join_the_commit_graph(world: World) -> None:
    with opened_url(world.remote) as repository:
        repository.past.complete()
    chain = mirror() / "objects/info/commit-graphs/commit-graph-chain"
    new = world.commit({path_of(AUTH): f"{NEW}\n"})
    os.utime(chain, (0, 0))

    with opened_url(world.remote) as repository:
        assert repository.tip().commit == new
        repository.past.complete()

    assert chain.stat().st_mtime > 1
    git(mirror(), "commit-graph", "verify")


def test_hooks_that_a_user_has_for_all_repositories_do_not_run_in_a_mirror(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no repository of theirs; and whoever planted one would have them run."""
    for name in ("pre-push", "reference-transaction", "post-checkout", "pre-auto-gc"):
        hook(tmp_path, name, f"pwd >>{tmp_path}/ran")  # the remote is on this machine, too
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}/hooks\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    with opened_url(world.remote) as repository:
        assert repository.write(setting()).changed
        repository.past.complete()

    assert str(mirror().parent) not in (tmp_path / "ran").read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_mirror_that_somebody_else_planted_is_not_used(world: World) -> None:
    opened_url(world.remote).tip()
    os.chown(mirror(), 12345, 12345)

    with pytest.raises(Denied, match="belongs to somebody else"):
        opened_url(world.remote).tip()
