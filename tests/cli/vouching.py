"""A state repository whose production wants to know who vouches for an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.registry.scripted import Scripted
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, Ran

OLD, NEW = "a" * 40, "b" * 40
DEV, PROD = "shop-development", "shop-production"
SLSA = "https://slsa.dev/provenance/v1"


def begin(directory: Path, registry: Scripted, files: Mapping[str, str]) -> Path:
    """Return a new repository with these files beside two environments of one service."""
    remote = init_bare(directory / "state.git")
    versions = {f"{DEV}/web.deployment": f"{NEW}\n", f"{PROD}/web.deployment": f"{OLD}\n"}
    images = {f"{e}/images_path": f"{registry.address}/shop/\n" for e in (DEV, PROD)}
    add_commits(remote, [Commit("start", {**files, **versions, **images}, 1_793_606_400)])
    return remote


def recorded(state: Path) -> str:
    return git(state, "show", f"main:{PROD}/web.deployment")


def pushed(state: Path, path: str, content: str | None) -> None:
    add_commits(state, [Commit("more", {path: content}, 1_793_606_500)])


def promote(gitops: Gitops, *more: str) -> Ran:
    return gitops("promote", "web", "--to", "production", "--yes", *more)
