"""Fixtures of the state repository's tests: real git, nobody's configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.state.world import World, make_world
from tests.testbed.git import environment


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test an identity, a cache and no configuration of the machine's."""
    for name in list(os.environ):
        if name.startswith("GIT_") or name == "CI":
            monkeypatch.delenv(name)
    for name, value in environment().items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a remote with one commit: two environments of two services."""
    return make_world(tmp_path / "world")
