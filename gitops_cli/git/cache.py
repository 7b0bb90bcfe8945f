"""Files in the user's cache: private, and replaced as a whole."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gitops_cli.domain.errors import Denied, GitError

_CACHE = "gitops-cli"

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ELSEWHERE = "set XDG_CACHE_HOME to a directory you may write to"


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return our directory in the user's cache."""
    return user_cache(environment) / _CACHE


def user_cache(environment: Mapping[str, str]) -> Path:
    """Return the user's cache; the XDG rule: a relative path does not count.

    The home `/` is what container runtimes give to a user whom the system does not know, who can
    write little there: then it is a folder of the temporary ones, which `check_own` looks at.
    """
    base = Path(environment.get("XDG_CACHE_HOME") or "")
    if base.is_absolute():
        return base
    home = Path.home()
    if home != Path(os.sep):
        return home / ".cache"
    import tempfile  # 2 ms that most commands do without

    return Path(tempfile.gettempdir()) / f"gitops-cli-{os.getuid()}"


def cache_name(text: str) -> str:
    """Return a file name for what a URL or a path stands for."""
    import hashlib  # with OpenSSL, 4 ms that most commands do without

    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


def make_private(directory: Path) -> Path:
    """Make a directory that only its owner may enter; raises Denied or GitError."""
    with writing(directory):
        for place in _down_to(directory):  # parents would get whatever the umask leaves
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_own(directory)
    return directory


def check_own(directory: Path) -> None:
    """Make sure that nobody else put something into a directory of the cache; raises Denied.

    What is there decides what git runs and what we believe. Its name can be guessed, so another
    user of the machine may have been there first; so may one have been who could write in it.
    """
    for place in _down_to(directory):
        try:
            found = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return  # whoever makes it will say so
        except OSError as error:
            raise Denied(f"{place}: {error.strerror}") from error
        others_write = bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        if stat.S_ISLNK(found.st_mode) or others_write or found.st_uid not in _us():
            said = "others may write in it" if others_write else "it belongs to somebody else"
            raise Denied(
                f"{place} is not used: {said}",
                hint="remove it, or set XDG_CACHE_HOME to a directory of your own",
            )


def _down_to(directory: Path) -> list[Path]:
    """Return the directories that are our business: from our own in the cache down to this one."""
    parts = directory.parts
    ours = len(parts) - 1 - (parts[::-1].index(_CACHE) if _CACHE in parts else 0)
    if parts[ours - 1].startswith(f"{_CACHE}-"):  # among the temporary ones of everybody
        ours -= 1
    return [Path(*parts[: end + 1]) for end in range(ours, len(parts))]


def _us() -> set[int]:
    """Return whose files are ours: as git has it, under sudo also those of who called it."""
    here = os.geteuid()
    called = os.environ.get("SUDO_UID", "") if here == 0 else ""
    return {here, int(called)} if called.isdigit() else {here}


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, mode 0600; raises Denied or GitError."""
    import tempfile  # 2 ms that most commands do without

    with writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the file system refuses."""
    try:
        yield
    except OSError as error:
        kind = Denied if error.errno in _REFUSED else GitError
        raise kind(
            f"cannot write {path}: {error.strerror}",
            hint=None if error.errno in _FULL else _ELSEWHERE,
        ) from error
