"""The checkout of a service's source that a command is started in. It is never written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitops_cli.domain.version import is_commit
from gitops_cli.source.git import read


@dataclass(frozen=True, slots=True)
class Checkout:
    """A git work tree: its root, HEAD, branch and where it was cloned from."""

    root: Path
    head: str | None
    branch: str | None
    remote: str | None


def checkout_at(directory: Path) -> Checkout | None:
    """Return the checkout around a directory; None if there is none."""
    top = read(directory, "rev-parse", "--show-toplevel")
    root = top.out.removesuffix("\n")
    if top.code != 0 or not root:
        return None
    head = read(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").out.strip()
    branch = read(directory, "symbolic-ref", "--quiet", "--short", "HEAD").out.strip()
    return Checkout(
        Path(root), head if is_commit(head) else None, branch or None, remote_of(directory)
    )


def remote_of(directory: Path) -> str | None:
    """Return the URL of `origin`, else of the only remote."""
    names = read(directory, "remote").out.split()
    name = "origin" if "origin" in names else names[0] if len(names) == 1 else None
    if name is None:
        return None
    # As it was configured: rewriting (insteadOf) is git's business when it connects.
    return read(directory, "config", "--get", f"remote.{name}.url").out.strip() or None


def author_at(directory: Path) -> str | None:
    """Return the name that git would write as the author in a directory."""
    name, bracket, _ = read(directory, "var", "GIT_AUTHOR_IDENT").out.partition(" <")
    return name.strip() or None if bracket else None
