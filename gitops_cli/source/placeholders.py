"""What stands in a checkout for files that are not there: LFS pointers, and empty submodules.

A build would take them for the files, and nothing fails until the image runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitops_cli.source.checkout import Checkout
from gitops_cli.source.hidden import asked, known

_POINTER = b"version https://git-lfs.github.com/spec/"  # as git-lfs writes and demands it


class Placeholders(NamedTuple):
    """The paths, from the checkout's root."""

    pointers: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()


def placeholders(checkout: Checkout, context: Path) -> Placeholders:
    """Return those in a directory of the checkout; none for one outside of it.

    Files are LFS's where `.gitattributes` says so; that keeps the others from being read.
    """
    root, below = checkout.root.resolve(), context.resolve()
    if not below.is_relative_to(root):
        return Placeholders()
    where = below.relative_to(root).as_posix()
    tracked = asked(root, {}, "ls-files", "-z", "--", ":(top,attr:filter=lfs)").split("\0")
    return Placeholders(
        tuple(p for p in tracked if p and _is_in(p, where) and _is_pointer(root / p)),
        tuple(p for p in known(root).submodules if _is_in(p, where) and _is_empty(root / p)),
    )


def _is_in(path: str, directory: str) -> bool:
    return directory == "." or path.startswith(f"{directory}/")


def _is_pointer(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(_POINTER)) == _POINTER
    except OSError:  # removed, or a directory: no build takes it for a file
        return False


def _is_empty(directory: Path) -> bool:
    try:
        return next(directory.iterdir(), None) is None
    except OSError:  # not even made
        return True
