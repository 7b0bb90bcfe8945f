"""What a checkout holds that HEAD does not, and a commit of it for `release --allow-dirty`.

An image must not be tagged with a commit it was not built from. So uncommitted work gets a commit
of its own: a child of HEAD that no branch knows. Its hash follows from the content alone, so the
same work has the same version and a second release finds its image. Work tree, index, branches and
stash stay as they are; what is written are objects and one ref that keeps them from `git gc`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gitops_cli.domain.errors import GitError
from gitops_cli.domain.version import is_commit
from gitops_cli.source.checkout import Checkout
from gitops_cli.source.git import read, write_objects

REFS = "refs/gitops/uncommitted/"
_IDENTITY = {"NAME": "gitops release --allow-dirty", "EMAIL": "gitops@localhost"}


def uncommitted_files(checkout: Checkout) -> list[str]:
    """Return the paths that differ from HEAD, or that git does not know and does not ignore."""
    done = read(checkout.root, "status", "--porcelain=v1", "-z", "--untracked-files=normal")
    if done.code != 0:
        raise GitError(f"{checkout.root}: {done.said}")
    entries = iter(done.out.split("\0"))
    paths = []
    for entry in entries:
        if entry:
            paths.append(entry[3:])
            if entry[0] in "RC":
                next(entries, None)  # where it was renamed or copied from
    return paths


def commit_uncommitted(checkout: Checkout) -> str:
    """Return the hash of a commit that holds the work tree as it is, ignored files left out."""
    head = checkout.head
    assert head is not None, "a checkout without a commit has nothing to be on top of"
    root = checkout.root
    date = _one(root, read(root, "show", "--no-patch", "--format=%cI", head).out.strip())
    with tempfile.TemporaryDirectory(prefix="gitops-") as directory:
        index = Path(directory, "index")
        known = Path(root, read(root, "rev-parse", "--git-path", "index").out.removesuffix("\n"))
        if known.is_file():
            # So that only what changed is read. Its time must stay: by it git knows which files
            # were written in the index's own moment, and have to be read to be told apart.
            shutil.copy2(known, index)
        environment = {"GIT_INDEX_FILE": str(index)}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_{key}": value for key, value in _IDENTITY.items()}
            environment[f"GIT_{role}_DATE"] = date
        _written(root, environment, "add", "--all", "--", ".")
        tree = _written(root, environment, "write-tree")
        message = f"Uncommitted changes on top of {head}"
        utf8 = ("-c", "i18n.commitEncoding=UTF-8")
        commit = _written(
            root, environment, *utf8, "commit-tree", "-p", head, "-m", message, "--", tree
        )
    if not is_commit(commit):
        raise GitError(f"{root}: git made no commit of the uncommitted changes")
    _written(root, {}, "update-ref", f"{REFS}{commit}", commit)
    return commit


def _one(root: Path, text: str) -> str:
    if not text:
        raise GitError(f"{root}: git cannot read its HEAD")
    return text


def _written(root: Path, environment: dict[str, str], *arguments: str) -> str:
    done = write_objects(root, *arguments, environment=environment)
    if done.code != 0:
        raise GitError(f"{root}: {done.said}")
    return done.out.strip()
