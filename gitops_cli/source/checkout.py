"""The checkout of a service's source that a command is started in. It is never written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.version import is_commit
from gitops_cli.source.git import read

_HEADS = "refs/heads/"


class Checkout(NamedTuple):
    """A git work tree: its root, HEAD, branch and where it was cloned from."""

    root: Path
    head: str | None
    branch: str | None
    remote: str | None


def checkout_at(directory: Path) -> Checkout | None:
    """Return the checkout around a directory; None if there is none."""
    # Each line as far as git gets: a repository without commits has no HEAD to show.
    said = read(directory, "rev-parse", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD")
    root, head, ref = [*said.out.split("\n"), "", "", ""][:3]
    if not root:
        return None
    if not is_commit(head):
        ref = read(directory, "symbolic-ref", "--quiet", "HEAD").out.strip()
    return Checkout(
        Path(root),
        head if is_commit(head) else None,
        ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None,
        remote_of(directory),
    )


def remote_of(directory: Path) -> str | None:
    """Return the URL of `origin`, else of the only remote, as it was configured."""
    # Rewriting (insteadOf) is git's business when it connects.
    listed = read(directory, "config", "-z", "--get-regexp", r"^remote\..*\.url$").out
    urls: dict[str, str] = {}
    for entry in listed.split("\0"):
        key, _, url = entry.partition("\n")
        if url:
            urls.setdefault(key.removeprefix("remote.").removesuffix(".url"), url)
    return urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None)


def author_at(directory: Path) -> str | None:
    """Return the name that git would write as the author in a directory."""
    name, bracket, _ = read(directory, "var", "GIT_AUTHOR_IDENT").out.partition(" <")
    return name.strip() or None if bracket else None
