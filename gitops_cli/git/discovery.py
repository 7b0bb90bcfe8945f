"""Finds the repository around a directory, as git does, but never one among another one's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.git.failures import failure
from gitops_cli.git.process import Done, Git
from gitops_cli.git.trust import NAMED_BARE


def git_around(start: Path, environment: Mapping[str, str]) -> Git:
    """Return git where it finds the repository around a directory, if there is any.

    Files that make a bare repository may be pushed to another one, with a configuration that
    whoever pushes chooses: it is passed over, whatever version of git this is.
    """
    bare: Path | None = None
    for directory in _upwards(start):
        if tells(directory / ".git", Path.exists):  # git looks for it first
            return Git(start if bare is None else bare.parent, environment)
        if is_bare(directory):
            bare = directory
    return Git(start, environment, options=() if bare is None else NAMED_BARE)


def is_bare(directory: Path) -> bool:
    """Tell whether git would take a directory itself for a repository."""
    return tells(directory / "HEAD", Path.is_file) and tells(directory / "objects", Path.is_dir)


def tells(path: Path, asked: Callable[[Path], bool]) -> bool:
    """Ask a path something; one that may not be looked at is not."""
    try:
        return asked(path)
    except OSError:  # then git will not read it either, and say so
        return False


def is_inside_git(start: Path) -> bool:
    """Tell whether a directory is among git's own files of a checkout."""
    return ".git" in start.resolve().parts


def why_none(done: Done, place: Path) -> GitOpsError | None:
    """Return why git cannot use the repository around a place; None: there is no repository.

    It may belong to another user, or its configuration be broken or of a later git.
    """
    if "not a git repository (" in done.err:  # with a colon it is one that leads nowhere
        return None
    return failure(done, str(place))


def _upwards(start: Path) -> tuple[Path, ...]:
    # As git sees it after going there: without symbolic links.
    here = start.resolve()
    return (here, *here.parents)
