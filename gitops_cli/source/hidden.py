"""What `git status` keeps quiet about because somebody told git so on this machine.

Files marked assume-unchanged or skip-worktree, and files that the user's own excludes hide. The
build reads them as any other file. What `.gitignore` files in the repository leave out is the
project's own decision.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitops_cli.git.failures import failure
from gitops_cli.source.checkout import reading

_LINK = "160000"
_SKIPPED = "S"


class IndexMarks(NamedTuple):
    """What the index holds: marked paths by flag, and submodules."""

    assumed: tuple[str, ...]
    skipped: tuple[str, ...]
    submodules: tuple[str, ...]


def known(root: Path) -> IndexMarks:
    """Return the index's marked entries, those left out that a sparse checkout leaves out."""
    # As git-ls-files(1) has -v: a small letter is assume-unchanged, S is skip-worktree.
    listed = asked(root, {}, "ls-files", "-v", "--stage", "-z")
    assumed, skipped, submodules = [], [], []
    for entry in listed.split("\0"):
        head, _, path = entry.partition("\t")
        tag, _, stage = head.partition(" ")
        if tag.islower():
            assumed.append(path)
        if tag.upper() == _SKIPPED:
            skipped.append(path)
        if stage.startswith(_LINK):
            submodules.append(path)
    if skipped and _is_sparse(root):
        skipped = [path for path in skipped if _exists(root / path)]
    return IndexMarks(tuple(assumed), tuple(skipped), tuple(submodules))


def _is_sparse(root: Path) -> bool:
    return reading(root).run("config", "--type=bool", "core.sparseCheckout").text == "true"


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


@contextmanager
def own_index(root: Path, found: IndexMarks) -> Iterator[dict[str, str]]:
    """Yield the environment of a copy of the index without the marks, gone afterwards.

    From a copy git need read only what changed. Its time must stay: by it git knows which files
    were written in the index's own moment, and have to be read to be told apart.
    """
    with tempfile.TemporaryDirectory(prefix="gitops-") as directory:
        index = Path(directory, "index")
        users = Path(root, asked(root, {}, "rev-parse", "--git-path", "index"))
        if users.is_file():
            shutil.copy2(users, index)
        environment = {"GIT_INDEX_FILE": str(index)}
        for flag, paths in (
            ("--no-assume-unchanged", found.assumed),
            ("--no-skip-worktree", found.skipped),
        ):
            if paths:
                update_index(root, environment, flag, paths)
        yield environment


def update_index(root: Path, environment: dict[str, str], flag: str, paths: Sequence[str]) -> None:
    """Run `git update-index` with a flag for paths, whatever they are called."""
    named = "".join(f"{path}\0" for path in paths)
    asked(root, environment, "update-index", flag, "-z", "--stdin", stdin=named)


def others(root: Path, *options: str, environment: dict[str, str] | None = None) -> list[str]:
    """Return the files that git does not know, but for those that .gitignore files leave out."""
    words = ("ls-files", "--others", "-z", "--exclude-per-directory=.gitignore", *options)
    return [path for path in asked(root, environment or {}, *words).split("\0") if path]


def asked(root: Path, environment: Mapping[str, str], *arguments: str, stdin: str = "") -> str:
    """Run git in a checkout, with another index that `environment` names; raises GitError.

    Its filters run, as for `git add`: what they make of a file is what is committed.
    """
    git = reading(root).with_environment(**environment)
    done = git.run(*arguments, stdin=stdin.encode(errors="surrogateescape") or None)
    if done.code != 0:
        raise failure(done, f"{root}: git {arguments[0]}")
    return done.text
