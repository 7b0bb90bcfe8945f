"""Make a new state repository: `git init`, the files, and the first commit."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import Denied, UsageError
from gitops_cli.domain.text import redacted, visible
from gitops_cli.git.environment import git_environment
from gitops_cli.git.library import GitCommandError, Repo, explained, repositories
from gitops_cli.git.process import Git

BRANCH = "main"


class Created(NamedTuple):
    """A new repository. `branch` is another than `main` in a clone that had begun one."""

    directory: Path
    branch: str
    commit: str
    remote: str | None


def remote_of(directory: Path) -> str | None:
    """Return the URL of `origin` where `directory` is a fresh clone, without credentials."""
    if not (directory / ".git").exists():
        return None
    url = _try(directory, "config", "--get", "remote.origin.url")
    return redacted(url) if url else None


def create(directory: Path, files: Mapping[str, str], *, subject: str) -> Created:
    """Write `files` into `directory` and commit them.

    The directory is new, empty, or a clone without commits: anything else is refused with
    UsageError, and a failure takes away what was made.
    """
    try:
        _check_vacant(directory)
        made = _missing_parents(directory)
        directory.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise Denied(f"{directory}: {error.strerror}") from error
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror}") from error
    existed = (directory / ".git").exists()
    try:
        return _create(directory, files, subject, existed=existed)
    except BaseException:
        _remove(directory, files, made, git=not existed)
        raise


def _check_vacant(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory")
    others = sorted(path.name for path in directory.iterdir() if path.name != ".git")
    if others:
        shown = ", ".join(visible(name) for name in others[:3]) + (", …" if others[3:] else "")
        raise UsageError(
            f"{directory} is not empty ({shown}); nothing was written",
            hint="name a new directory, or add environments to a state repository with "
            "`gitops env add`",
        )
    if (directory / ".git").exists() and _try(directory, "rev-parse", "--verify", "-q", "HEAD"):
        raise UsageError(
            f"{directory} already has commits; nothing was written",
            hint="add environments to it with `gitops env add`",
        )


def _create(directory: Path, files: Mapping[str, str], subject: str, *, existed: bool) -> Created:
    made = repositories(Git(directory, git_environment()))
    with explained(f"{directory}: git init"):
        repository = made(directory) if existed else made.init(directory, initial_branch=BRANCH)
    with repository, explained(f"{directory}: git commit"):
        _check_identity(repository)
        try:
            for name, content in files.items():
                path = directory / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(content)
        except OSError as error:
            raise UsageError(f"{error.filename or directory}: {error.strerror}") from error
        repository.git.add("--", *files)
        # Not `index.commit`, which signs nothing and asks no hook.
        repository.git.commit(quiet=True, message=subject)
        branch, commit = repository.active_branch.name, repository.head.commit.hexsha
    return Created(directory, branch, commit, remote_of(directory))


def _check_identity(repository: Repo) -> None:
    try:
        for role in ("COMMITTER", "AUTHOR"):
            repository.git.var(f"GIT_{role}_IDENT")
    except GitCommandError as error:
        raise UsageError(
            "git does not know who you are, so the first commit would have no author",
            hint='git config --global user.name "Your Name"; '
            "git config --global user.email you@example.com",
        ) from error


def _missing_parents(directory: Path) -> list[Path]:
    """Return the directories that `mkdir -p` will make, deepest first."""
    chain = [directory.absolute(), *directory.absolute().parents]
    return [path for path in chain if not path.exists()]


def _remove(directory: Path, files: Iterable[str], made: Iterable[Path], *, git: bool) -> None:
    with suppress(OSError):
        if git:
            shutil.rmtree(directory / ".git", ignore_errors=True)
        else:
            _try(directory, "rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", *files)
    for name in files:
        with suppress(OSError):
            (directory / name).unlink()
            for parent in (directory / name).parents:
                if parent == directory:
                    break
                parent.rmdir()
    for path in made:
        with suppress(OSError):
            path.rmdir()


def _try(directory: Path, *arguments: str) -> str | None:
    done = Git(directory, git_environment()).run(*arguments)
    return done.text if done.code == 0 else None
