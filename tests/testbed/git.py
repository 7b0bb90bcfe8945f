"""Run git in tests, apart from the machine's and the user's configuration."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed.copies import Copies, copies_of

_IDENTITY = {
    f"GIT_{role}_{kind}": value
    for role in ("AUTHOR", "COMMITTER")
    for kind, value in (("NAME", "Grace Hopper"), ("EMAIL", "grace@example.com"))
}


def environment() -> dict[str, str]:
    """Return an environment for git: no GIT_* of the machine, no configuration, an identity."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return (
        kept
        | _IDENTITY
        | {
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }
    )


def git(
    directory: Path,
    *arguments: str | Path,
    stdin: str | bytes = "",
    env: Mapping[str, str] | None = None,
    nothing: int = 0,
) -> str:
    """Run git in a directory; return its stdout without the last newline.

    Raises AssertionError with what git said when it fails; `nothing` is what it ends with where
    it has only found nothing.
    """
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=directory,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        env=environment() | dict(env or {}),
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode in (0, nothing), f"git {arguments} ended with {done.returncode}: {said}"
    return done.stdout.decode().removesuffix("\n")


def init_bare(directory: Path) -> Path:
    """Make an empty bare repository whose branch is main."""
    _empty_repository().write(directory)
    return directory


@functools.cache
def _empty_repository() -> Copies:
    with tempfile.TemporaryDirectory() as directory:
        git(Path(directory), "init", "-q", "--bare", "--template=", ".")
        # Each push would start two processes to see that there is nothing to pack.
        git(Path(directory), "config", "receive.autogc", "false")
        return copies_of(Path(directory))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit to be made: the files that change (None removes one) at a time, by somebody."""

    subject: str
    files: Mapping[str, str | None]
    time: int | None
    """Seconds since the epoch; the same commits at the same times have the same hashes. None is
    a minute after the commit before.
    """
    author: str = "Ada Lovelace"
    modes: Mapping[str, str] = field(default_factory=dict)


def add_commits(repository: Path, commits: Iterable[Commit], *, branch: str = "main") -> list[str]:
    """Add commits to a bare repository, in one process; return their hashes, oldest first."""
    fields = "--format=%(objectname) %(committerdate:unix)"
    tip, _, time = git(repository, "for-each-ref", fields, f"refs/heads/{branch}").partition(" ")
    stream = "".join(_stream(commits, branch, tip, int(time or 0))).encode()
    # A pack that is kept saves the process that would unpack it.
    command = ("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--date-format=raw")
    return git(repository, *command, stdin=stream).split()


def _stream(commits: Iterable[Commit], branch: str, tip: str, time: int) -> Iterator[str]:
    for index, commit in enumerate(commits):
        time = time + 60 if commit.time is None else commit.time
        email = commit.author.split()[0].lower() + "@example.com"
        yield f"commit refs/heads/{branch}\nmark :{index + 1}\n"
        yield f"committer {commit.author} <{email}> {time} +0000\n"
        yield _data(commit.subject)
        if index == 0 and tip:
            yield f"from {tip}\n"
        for path, content in commit.files.items():
            if content is None:
                yield f"D {path}\n"
            else:
                yield f"M {commit.modes.get(path, '100644')} inline {path}\n{_data(content)}"
        yield f"get-mark :{index + 1}\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
