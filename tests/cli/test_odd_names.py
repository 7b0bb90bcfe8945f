"""Names that are no UTF-8: git takes any bytes, so every command works with them or says so."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

HASH = "a" * 40
ODD = b"br\xff\xe2\x80\xa8"  # no UTF-8, and a line separator of Unicode's


def raw(directory: Path, *arguments: bytes) -> None:
    subprocess.run([b"git", b"-C", os.fsencode(directory), *arguments], check=True)


@pytest.fixture
def state(gitops: Gitops, tmp_path: Path) -> Gitops:
    """Return the command in a clone whose remote has one branch, of an odd name."""
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(tmp_path, "clone", "-q", "remote.git", "state")
    clone = tmp_path / "state"
    directory = os.fsencode(clone / "shop-dev")
    Path(os.fsdecode(directory)).mkdir()
    for leaf in (b"images_path", b"web.deployment", b"\xff.deployment", b"\xfe.lock"):
        content = "r.example.com/shop/" if leaf == b"images_path" else HASH
        Path(os.fsdecode(directory + b"/" + leaf)).write_text(f"{content}\n")
    git(clone, "checkout", "-q", "--orphan", "first")
    raw(clone, b"symbolic-ref", b"HEAD", b"refs/heads/" + ODD)
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "Begin")
    raw(clone, b"push", b"-q", b"-u", b"origin", ODD)
    raw(tmp_path / "remote.git", b"symbolic-ref", b"HEAD", b"refs/heads/" + ODD)
    return gitops.at(clone)


@pytest.mark.parametrize("where", ["clone", "remote"])
def test_a_branch_and_files_of_odd_names(state: Gitops, where: str) -> None:
    remote = str(state.directory.parent / "remote.git")
    there = ["-R", remote] if where == "remote" else []
    for command in (
        ["status"],
        ["status", "-o", "json"],
        ["history", "-o", "json"],
        ["env", "list"],
        ["set", f"web={'b' * 40}", "-e", "shop-dev", "--allow-older"],
        ["rollback", "web", "-e", "shop-dev", "--yes"],
    ):
        done = state(*command, *there)
        assert done.code == ExitCode.OK, str(done)

    assert state("validate", *there).code == ExitCode.NO
    assert git(Path(remote), "rev-list", "--all", "--count") == "3"
