"""The sample repositories: their commits are one `git fast-import` each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.git.environment import git_environment
from gitops_cli.git.library import explained, repositories
from gitops_cli.git.process import Git
from gitops_cli.git.trust import NAMED_BARE, OURS
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.samples import (
    FORGE,
    HOTFIX_BASE,
    SOURCES,
    YOU,
    SampleAuthor,
    SampleCommit,
)
from gitops_cli.sandbox.timeline import StateCommit, timeline

if TYPE_CHECKING:
    from gitops_cli.git.library import Repo


class Import(NamedTuple):
    """One commit as fast-import takes it; marks count from 1, `parent` is a mark."""

    branch: str
    author: SampleAuthor
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
    with _made(place.remote, bare=True) as remote:
        _import(remote, _as_imports(commits))
        with explained("cannot clone the sandbox's repository"):
            clone = remote.clone(str(place.state))
    _introduce_you(clone)
    clone.close()


def _introduce_you(repository: Repo) -> None:
    """Give a repository an identity, so that commits work on a machine without one."""
    with repository.config_writer() as config:
        config.set_value("user", "name", YOU.name)
        config.set_value("user", "email", YOU.email)


def _as_imports(commits: Iterable[StateCommit]) -> list[Import]:
    return [Import("main", c.author, c.when, c.when, c.message, c.files) for c in commits]


def make_source(place: SandboxPlace, service: str) -> Sequence[str]:
    """Make one service's repository with a working tree; return the hashes of its commits."""
    with _made(place.source(service)) as repository:
        hashes = _import(repository, source_imports(service))
        with explained("cannot check the sandbox's repository out"):
            repository.head.reset(index=True, working_tree=True)
            repository.create_remote("origin", f"{FORGE}/{service}")
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


def _made(directory: Path, *, bare: bool = False) -> Repo:
    """Return a new repository; raises GitError."""
    with explained("cannot make the sandbox's repository"):
        made = repositories(sandbox_git(directory.parent))
        return made.init(str(directory), bare=bare, initial_branch="main")


def _import(repository: Repo, imports: Sequence[Import]) -> Sequence[str]:
    """Write the commits into a repository; return their hashes in order."""
    marks = Path(repository.git_dir) / "sandbox-marks"
    with tempfile.TemporaryFile() as stream, explained("cannot write the sandbox's commits"):
        for number, commit in enumerate(imports, 1):
            stream.write(_stream(number, commit))
        stream.seek(0)
        repository.git.fast_import(
            quiet=True, date_format="raw", export_marks=str(marks), istream=stream
        )
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
