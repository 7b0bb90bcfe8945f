"""The sample repositories, made by `git fast-import`: one process per repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from gitops_cli.git.environment import git_environment
from gitops_cli.git.failures import failure
from gitops_cli.git.process import Git
from gitops_cli.git.trust import NAMED_BARE, OURS
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.samples import (
    HOTFIX_BASE,
    SOURCES,
    YOU,
    Person,
    SampleCommit,
)
from gitops_cli.sandbox.timeline import StateCommit, timeline


class Import(NamedTuple):
    """One commit as fast-import takes it; marks count from 1, `parent` is a mark."""

    branch: str
    author: Person
    authored: datetime
    committed: datetime
    message: str
    files: Mapping[str, str]
    parent: int | None = None


def make_repositories(place: SandboxPlace) -> None:
    """Make the services' repositories, the bare state repository and its clone.

    Raises GitError. Times, names and git's settings are fixed, so the hashes are, too.
    """
    hashes = {service: make_source(place, service) for service in SOURCES}
    make_state(place, timeline(hashes, {service: place.source_url(service) for service in SOURCES}))


def make_state(place: SandboxPlace, commits: Iterable[StateCommit]) -> None:
    """Make the bare state repository and its clone; raises GitError."""
    _git(place.directory, "init", "-q", "--bare", "-b", "main", str(place.remote))
    _import(place.remote, _as_imports(commits))
    _git(place.directory, "clone", "-q", str(place.remote), str(place.state))
    _introduce_you(place.state)


def _introduce_you(repository: Path) -> None:
    """Give a repository an identity, so that commits work on a machine without one."""
    for key, value in (("user.name", YOU.name), ("user.email", YOU.email)):
        _git(repository, "config", key, value)


def _as_imports(commits: Iterable[StateCommit]) -> list[Import]:
    return [Import("main", c.author, c.when, c.when, c.message, c.files) for c in commits]


def make_source(place: SandboxPlace, service: str) -> Sequence[str]:
    """Make one service's repository with a working tree; return the hashes of its commits."""
    repository = place.source(service)
    _git(place.directory, "init", "-q", "-b", "main", str(repository))
    hashes = _import(repository / ".git", source_imports(service))
    _git(repository, "reset", "-q", "--hard", "main")
    _introduce_you(repository)
    return hashes


def source_imports(service: str) -> list[Import]:
    """Return the commits of one service, those beside main last."""
    main = [commit for commit in SOURCES[service] if commit.off is None]
    beside = [commit for commit in SOURCES[service] if commit.off is not None]
    lines = [_readme(service, main[: count + 1]) for count in range(len(main))]
    imports = [
        _import_of(c, "main", {"README.md": text}) for c, text in zip(main, lines, strict=True)
    ]
    imports[0] = _import_of(main[0], "main", {"README.md": lines[0], **_first_files(service)})
    for commit in beside:
        text = _readme(service, [*main[: HOTFIX_BASE + 1], commit])
        files = {"README.md": text}
        imports.append(_import_of(commit, commit.off or "", files, parent=HOTFIX_BASE + 1))
    return imports


def _import_of(
    commit: SampleCommit, branch: str, files: Mapping[str, str], parent: int | None = None
) -> Import:
    committed = commit.when + timedelta(seconds=commit.committed)
    return Import(
        branch, commit.author, commit.when, committed, f"{commit.subject}\n", files, parent
    )


def _readme(service: str, commits: Sequence[SampleCommit]) -> str:
    return f"# {service}\n\n" + "".join(f"- {commit.subject}\n" for commit in commits)


def _first_files(service: str) -> dict[str, str]:
    return {
        "Dockerfile": "FROM python:3.13-slim\nCOPY service.py /\nCMD python /service.py\n",
        "service.py": f'print("{service} is up")\n',
    }


def _import(git_directory: Path, imports: Sequence[Import]) -> Sequence[str]:
    """Write the commits into a repository; return their hashes in order."""
    marks = git_directory / "sandbox-marks"
    stream = b"".join(_stream(number, commit) for number, commit in enumerate(imports, 1))
    arguments = ["fast-import", "--quiet", "--date-format=raw", f"--export-marks={marks}"]
    _git(git_directory.parent, f"--git-dir={git_directory}", *arguments, stdin=stream)
    by_mark = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    return [by_mark[f":{number}"] for number in range(1, len(imports) + 1)]


def _stream(number: int, commit: Import) -> bytes:
    who = f"{commit.author.name} <{commit.author.email}>"
    lines = [
        f"commit refs/heads/{commit.branch}",
        f"mark :{number}",
        f"author {who} {int(commit.authored.timestamp())} +0000",
        f"committer {who} {int(commit.committed.timestamp())} +0000",
    ]
    stream = "\n".join(lines).encode() + b"\n" + _data(commit.message)
    if commit.parent is not None:
        stream += f"from :{commit.parent}\n".encode()
    for path, content in commit.files.items():
        stream += f"M 100644 inline {path}\n".encode() + _data(content)
    return stream + b"\n"


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%b\n" % (len(content), content)


def sandbox_git(directory: Path) -> Git:
    """Return git that follows neither the user's settings nor a hook's."""
    nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return Git(directory, git_environment(kept) | nobodys, options=(*OURS, *NAMED_BARE))


def _git(directory: Path, *arguments: str, stdin: bytes | None = None) -> None:
    done = sandbox_git(directory).run(*arguments, stdin=stdin)
    if done.code != 0:
        raise failure(done, f"git {arguments[0]} failed while the sandbox was made")
