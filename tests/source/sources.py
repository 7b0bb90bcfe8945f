"""What the tests of a source ask of it and make of it."""

from __future__ import annotations

from pathlib import Path

from tests.testbed.git import git


def commits(bare: Path) -> list[str]:
    """Return the commits of main, oldest first."""
    return git(bare, "rev-list", "--reverse", "main").split()


def shallow(bare: Path, directory: Path, *, depth: int = 1) -> Path:
    git(bare.parent, "clone", "-q", f"--depth={depth}", f"file://{bare}", directory)
    return directory
