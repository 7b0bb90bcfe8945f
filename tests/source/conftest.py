"""A service's source, and a cache of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.git import Commit, add_commits, git, init_bare


@pytest.fixture(autouse=True)
def direct(without_proxy: None) -> None:
    """Reach the servers of these tests directly."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return a bare repository with four commits on main and one on `side` off the second."""
    bare = init_bare(tmp_path / "auth.git")
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    add_commits(
        bare,
        [
            Commit(f"c{n}", {"f": str(n)}, 1_760_000_000 + n, author=author)
            for n, author in enumerate(["Ada L", "Ben B", "Ada L", "Cleo C"])
        ],
    )
    git(bare, "branch", "side", "main~2")
    add_commits(bare, [Commit("s", {"g": "s"}, 1_760_000_009)], branch="side")
    return bare
