"""What a newcomer has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed.git import git
from tests.testbed.gitops import Gitops


@pytest.fixture
def user(gitops: Gitops, tmp_path: Path) -> Iterator[Gitops]:
    """Return the command of a newcomer with a sandbox, in whose directory a service is checked out.

    The sandbox has two projects; theirs is the first.
    """
    ground = tmp_path / "ground"
    gitops("sandbox", "up", "--dir", ground).ok()
    git(ground, "clone", "-q", ground / "sources" / "authentication", "checkout")
    git(ground / "checkout", "commit", "-q", "--allow-empty", "-m", "Newer")
    git(
        ground / "checkout", "remote", "set-url", "origin", "https://example.com/authentication.git"
    )
    (ground / "empty").mkdir()
    yield gitops.at(ground).using(KUBECONFIG=ground / "kubeconfig", GITOPS_PROJECT="project1")
    gitops("sandbox", "down", "--dir", ground).ok()
