"""What a checkout holds that HEAD does not, and a commit of it for `release --allow-dirty`.

An image must not be tagged with a commit it was not built from. So uncommitted work gets a commit
of its own: a child of HEAD that no branch knows. Its hash follows from the content alone, so the
same work has the same version and a second release finds its image. Work tree, index, branches and
stash stay as they are; what is written are objects and one ref that keeps them from `git gc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import DirtyTree, GitError
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import is_commit
from gitops_cli.source.checkout import Checkout
from gitops_cli.source.hidden import IndexMarks, asked, known, others, own_index, update_index

REFS = "refs/gitops/uncommitted/"
# How many spaces stand before the path, by the first letter of an entry.
_FIELDS = {"1": 8, "2": 9, "u": 10}
_IDENTITY = {"NAME": "gitops release --allow-dirty", "EMAIL": "gitops@localhost"}


class _Change(NamedTuple):
    """A path that differs from HEAD; `inside`: a submodule with uncommitted work of its own."""

    path: str
    inside: bool = False


def uncommitted_files(checkout: Checkout) -> list[str]:
    """Return the paths that differ from HEAD, or that git does not know.

    Only what `.gitignore` files leave out is left out here: what a user's own excludes or marks in
    the index hide from `git status` is built all the same.
    """
    found = known(checkout.root)
    with own_index(checkout.root, found) as index:
        return [change.path for change in _changes(checkout.root, found, index)]


def _changes(root: Path, found: IndexMarks, index: dict[str, str]) -> Iterator[_Change]:
    # As git-status(1) has porcelain v2. What a setting hides from people is built all the same.
    words = ("--untracked-files=no", "--ignore-submodules=none")
    inside: set[str] = set()
    entries = iter(asked(root, index, "status", "--porcelain=v2", "-z", *words).split("\0"))
    for entry in entries:
        kind = entry[:1]
        if kind in _FIELDS:
            *fields, path = entry.split(" ", _FIELDS[kind])
            submodule = fields[2]  # S, then C, M, U or dots
            changed = _Change(path, submodule.startswith("S") and submodule[2:] != "..")
            inside |= {path} if changed.inside else set()
            yield changed
        if kind == "2":
            next(entries, None)  # where it was renamed or copied from
    yield from map(_Change, others(root, "--directory", "--no-empty-directory", environment=index))
    for path in found.submodules:
        if path not in inside and (root / path / ".git").exists() and _any_inside(root / path):
            yield _Change(path, inside=True)


def _any_inside(root: Path) -> bool:
    found = known(root)
    with own_index(root, found) as index:
        return next(_changes(root, found, index), None) is not None


def commit_uncommitted(checkout: Checkout) -> str:
    """Return the hash of a commit that holds the work tree as it is, ignored files left out.

    Raises DirtyTree for what no commit of this repository can hold as it is.
    """
    head = checkout.head
    assert head is not None, "a checkout without a commit has nothing to be on top of"
    root = checkout.root
    date = asked(root, {}, "show", "--no-patch", "--format=%cI", head)
    found = known(root)
    with own_index(root, found) as environment:
        for change in _changes(root, found, environment):
            if change.inside:
                raise DirtyTree(
                    f"{one_line(change.path)} is a submodule with uncommitted changes of its own, "
                    "and a commit here names only a commit there",
                    hint="commit them there",
                )
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_{key}": value for key, value in _IDENTITY.items()}
            environment[f"GIT_{role}_DATE"] = date
        asked(root, environment, "add", "--all", "--sparse", "--", ".")
        _add_hidden(root, environment)
        tree = asked(root, environment, "write-tree")
        message = f"Uncommitted changes on top of {head}"
        utf8 = ("-c", "i18n.commitEncoding=UTF-8")
        commit = asked(
            root, environment, *utf8, "commit-tree", "-p", head, "-m", message, "--", tree
        )
    if not is_commit(commit):
        raise GitError(f"{root}: git made no commit of the uncommitted changes")
    asked(root, {}, "update-ref", f"{REFS}{commit}", commit)
    return commit


def _add_hidden(root: Path, environment: dict[str, str]) -> None:
    """Add what the user's own excludes kept `git add` from."""
    hidden = others(root, environment=environment)
    for path in hidden:
        if path.endswith("/"):
            raise DirtyTree(
                f"{one_line(path)} is a repository of its own that your excludes hide from git",
                hint="add it as a submodule, or to .gitignore",
            )
    if hidden:
        update_index(root, environment, "--add", hidden)
