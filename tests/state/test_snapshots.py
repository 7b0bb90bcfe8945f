"""The same files read from a commit, from disk and from the index."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitops_cli.domain.errors import NoStateRepository, UsageError
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import MAX_BYTES, FileType
from tests.state.test_push import hook
from tests.state.world import (
    AS_NOBODY,
    AUTH,
    DEV,
    NEW,
    OLD,
    OTHER,
    PROD,
    WEB,
    World,
    failure_of,
    opened,
    opened_url,
    path_of,
)
from tests.testbed.git import git


def odd_clone(world: World) -> Path:
    """Return a clone with everything that a directory can hold."""
    clone = world.clone()
    dev = clone / DEV
    (clone / "gitops.toml").write_text("# long\n" + "#" * 9000 + "\n")
    (clone / "README.md").write_text("x\n")
    (clone / "docs").mkdir()
    (clone / "docs" / "page").write_text("x\n")
    (clone / ".github").mkdir()
    (clone / ".github" / "images_path").write_text("x\n")
    (clone / "alias").symlink_to(PROD)
    (dev / "big.deployment").write_bytes(b"a" * 10_000_000)
    (dev / "link.deployment").symlink_to("/etc/passwd")
    (dev / "folder.deployment").mkdir()
    (dev / "folder.deployment" / "x").write_text("x\n")
    (dev / "binary.deployment").write_bytes(b"\xff\xfe\0")
    (dev / "auth.lock").write_text('by = "x"\n')
    (dev / ".lock").write_text('by = "x"\n')
    (dev / "db.statefulset").write_text(f"{NEW}\n")
    (dev / "manifests" / "base").mkdir(parents=True)
    (dev / "manifests" / "base" / "deployment.yaml").write_text("kind: Deployment\n")
    (dev / "na\tme \u00e4.deployment").write_text(f"{NEW}\n")
    (clone / "Not_A_Namespace").mkdir()
    (clone / "Not_A_Namespace" / "images_path").write_text("r/\n")
    return clone


def without_commit(snapshot: Snapshot) -> Snapshot:
    return Snapshot(None, snapshot.environments, snapshot.settings, snapshot.findings)


def test_commit_disk_and_index_say_the_same(world: World) -> None:
    clone = odd_clone(world)
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "odd")
    git(clone, "push", "-q")

    with opened(clone) as repository:
        committed = repository.snapshot(world.tip())
        on_disk, staged = repository.worktree_snapshot(), repository.index_snapshot()
    with opened_url(world.remote) as mirrored:
        assert mirrored.snapshot(mirrored.tip().commit) == committed

    assert committed.commit == world.tip()
    assert (on_disk.commit, staged.commit) == (None, None)
    assert without_commit(committed) == on_disk == staged
    assert sorted(committed.environments) == [DEV, PROD]
    dev = committed.environments[DEV]
    assert {service: str(version) for service, version in dev.versions.items()} == {
        "auth": OLD,
        "db": NEW,
        "web": OLD,
    }
    assert (dev.has_manifests, set(dev.locks)) == (True, {None, AUTH})
    rules = {f.path: f.rule for f in committed.all_findings if not f.path.endswith(".lock")}
    assert rules == {
        "Not_A_Namespace": "environment-name",
        f"{DEV}/big.deployment": "too-large",
        f"{DEV}/link.deployment": "not-a-file",
        f"{DEV}/folder.deployment": "not-a-file",
        f"{DEV}/binary.deployment": "encoding",
        f"{DEV}/na\tme \u00e4.deployment": "service-name",
    }
    settings = committed.settings
    assert settings is not None
    assert len(settings.data) > MAX_BYTES


def test_settings_that_are_a_link_are_not_followed(world: World) -> None:
    clone = world.clone()
    (clone / "gitops.toml").symlink_to("/etc/passwd")
    git(clone, "add", ".")

    for snapshot in (opened(clone).worktree_snapshot(), opened(clone).index_snapshot()):
        assert snapshot.settings is not None
        assert snapshot.settings.type is FileType.SYMLINK
        assert b"root" not in snapshot.settings.data


def test_what_is_not_committed(world: World) -> None:
    clone = world.clone()
    (clone / path_of(AUTH)).write_text(f"{NEW}\n")
    git(clone, "add", path_of(AUTH))
    (clone / path_of(AUTH)).write_text(f"{OTHER}\n")
    repository = opened(clone)

    def tag(snapshot: Snapshot) -> str:
        return snapshot.environments[DEV].versions[AUTH].tag

    assert tag(repository.snapshot(repository.tip().commit)) == OLD
    assert tag(repository.index_snapshot()) == NEW
    assert tag(repository.worktree_snapshot()) == OTHER


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        ({"core.autocrlf": "true"}, ""),
        ({"core.eol": "crlf"}, "* text=auto\n"),
        ({}, "* text eol=crlf\n"),
        ({}, "*.deployment eol=crlf\nimages_path eol=crlf\n"),
    ],
)
def test_line_ends_that_a_checkout_makes_are_not_the_repositorys(
    world: World, settings: dict[str, str], attributes: str
) -> None:
    """As a clean clone on Windows has them. A new file counts as it would be committed."""
    world.commit({".gitattributes": attributes})
    clone = world.clone("win", *(f"-c{key}={value}" for key, value in settings.items()))
    assert b"\r\n" in (clone / path_of(AUTH)).read_bytes()
    (clone / DEV / "new.deployment").write_bytes(f"{NEW}\r\n".encode())

    with opened(clone) as repository:
        on_disk, staged = repository.worktree_snapshot(), repository.index_snapshot()

    assert not [*on_disk.all_findings, *staged.all_findings]
    assert {s: v.tag for s, v in on_disk.environments[DEV].versions.items()} == {
        "auth": OLD,
        "web": OLD,
        "new": NEW,
    }


@pytest.mark.parametrize("attributes", ["", "* -text\n", "* text=auto\n"])
def test_line_ends_that_are_the_repositorys_are_found(world: World, attributes: str) -> None:
    world.commit({".gitattributes": attributes, path_of(AUTH): f"{NEW}\r\n"})
    clone = world.clone()

    with opened(clone) as repository:
        found = repository.worktree_snapshot().all_findings

    assert [finding.rule for finding in found] == ["carriage-return"]


def test_a_submodule_and_a_pipe_are_no_files(world: World) -> None:
    clone = world.clone()
    entry = f"160000,{world.tip()},{DEV}/sub.deployment"
    git(clone, "update-index", "--add", "--cacheinfo", entry)
    os.mkfifo(clone / DEV / "pipe.deployment")

    staged, on_disk = opened(clone).index_snapshot(), opened(clone).worktree_snapshot()

    assert f"{DEV}/sub.deployment" in [f.path for f in staged.all_findings]
    assert f"{DEV}/pipe.deployment" in [f.path for f in on_disk.all_findings]


def test_the_index_of_a_partial_commit(world: World, tmp_path: Path) -> None:
    """`git commit FILE` gives its hook another index than .git/index."""
    clone, seen = world.clone(), tmp_path / "seen"
    python = "from tests.state.world import *; from pathlib import Path; import sys; "
    python += "r = opened(Path()); "
    python += (
        f"Path({str(seen)!r}).write_text(' '.join(str(v) for v in "
        "r.index_snapshot().environments[DEV].versions.values()))"
    )
    hook(clone / ".git", "pre-commit", f'exec "$PYTHON" -c "{python}"')
    for service, value in ((AUTH, NEW), (WEB, OTHER)):
        (clone / path_of(service)).write_text(f"{value}\n")
    git(clone, "add", path_of(WEB))
    variables = {"PYTHON": sys.executable, "PYTHONPATH": str(Path.cwd())}

    git(clone, "commit", "-q", "-m", "only one", "--", path_of(AUTH), env=variables)

    assert seen.read_text() == f"{NEW} {OLD}"


def test_nothing_is_nothing(world: World) -> None:
    repository = opened_url(world.remote)

    with pytest.raises(NoStateRepository, match="no environment and no"):
        repository.snapshot(None)
    assert repository.contents(None) == {}
    with pytest.raises(UsageError, match="no working tree"):
        repository.worktree_snapshot()
    with pytest.raises(UsageError, match="no index"):
        repository.index_snapshot()


def test_a_file_that_may_not_be_read(world: World) -> None:
    clone = world.clone()
    (clone / path_of(AUTH)).chmod(0)

    code = f"opened(Path({str(clone)!r})).worktree_snapshot()"
    error = failure_of(world, f"{AS_NOBODY}{code}")

    assert (error["name"], error["code"]) == ("Denied", 4)
    assert "auth.deployment" in str(error["message"])


def test_contents_are_whole_files_below_a_directory(world: World) -> None:
    big = "x" * 100_000
    commit = world.commit({f"{PROD}/manifests/a/b.yaml": big, f"{PROD}/manifests.txt": "no\n"})
    repository = opened(world.clone())

    assert repository.contents(commit, f"{PROD}/manifests") == {
        f"{PROD}/manifests/a/b.yaml": big.encode()
    }
    assert len(repository.contents(commit)) == 8
    assert repository.contents(commit, "no-such") == {}
    assert repository.contents(commit, "*") == {}


def test_three_thousand_files_take_two_processes(world: World) -> None:
    files = {f"env-{e}/s{n}.deployment": f"{n:040x}\n" for e in range(30) for n in range(100)}
    files |= {f"env-{e}/images_path": "r/x/\n" for e in range(30)}
    commit = world.commit(files)
    repository = opened_url(world.remote)

    snapshot = repository.snapshot(commit)

    assert len(snapshot.environments) == 32
    assert sum(len(e.versions) for e in snapshot.environments.values()) == 3004
    assert snapshot.all_findings == ()


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
