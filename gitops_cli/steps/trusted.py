"""What this user trusted on this machine: a file for each repository, theirs alone."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops_cli.domain.errors import Denied, MachineFailed
from gitops_cli.domain.steps.content import Trusted

_MOST = 4 << 20
_FORMAT = 1
_TEXTS = ("repository", "digest", "commit", "at")


def trust_directory(environ: Mapping[str, str]) -> Path:
    """Return where trust is kept: `$XDG_STATE_HOME/gitops-cli/trust`."""
    base = Path(environ.get("XDG_STATE_HOME") or "")
    if not base.is_absolute():
        base = Path.home() / ".local" / "state"
    return base / "gitops-cli" / "trust"


class TrustStore:
    """The files in one directory. Raises Denied for one that others could have written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, repository: str) -> Trusted | None:
        """Return what was trusted of a repository, by its identity."""
        return self._read(self._path(repository), repository)

    def all(self) -> list[Trusted]:
        """Return what was trusted of all repositories."""
        if not self._directory.is_dir():
            return []
        paths = sorted(self._directory.glob("*.json"))
        found = [self._read(path, None) for path in paths]
        return sorted(one for one in found if one is not None)

    def keep(self, trusted: Trusted) -> None:
        """Trust this and nothing else of its repository: whole, or not at all."""
        path = self._path(trusted.repository)
        data = json.dumps({"format": _FORMAT, **trusted._asdict()}, indent=1).encode()
        with _translated(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_directory()
            handle, name = tempfile.mkstemp(dir=self._directory, prefix=f".{path.name}.")
            try:
                with os.fdopen(handle, "wb") as stream:  # 0600: mkstemp's
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def remove(self, repository: str) -> bool:
        """Trust nothing of a repository any more; False if nothing was."""
        path = self._path(repository)
        with _translated(path):
            found = path.exists()
            path.unlink(missing_ok=True)
        return found

    def _path(self, repository: str) -> Path:
        import hashlib  # with OpenSSL, 4 ms

        name = hashlib.sha256(repository.encode(errors="surrogateescape")).hexdigest()[:24]
        return self._directory / f"{name}.json"

    def _read(self, path: Path, repository: str | None) -> Trusted | None:
        try:
            with _translated(path):
                self._check_directory()
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                with os.fdopen(handle, "rb") as stream:
                    _check_own(path, os.fstat(stream.fileno()))
                    data = stream.read(_MOST + 1)
        except FileNotFoundError:
            return None
        return _parsed(data, repository)

    def _check_directory(self) -> None:
        for place in (self._directory, self._directory.parent):
            _check_own(place, place.lstat())


def _check_own(path: Path, found: os.stat_result) -> None:
    """Refuse what somebody else could have written: it would decide what runs here."""
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if stat.S_ISLNK(found.st_mode) or others or found.st_uid != os.geteuid():
        said = "others may write it" if others else "it belongs to somebody else, or is a link"
        raise Denied(
            f"{path} is not used: {said}",
            hint="remove it and trust again, or set XDG_STATE_HOME to a directory of your own",
        )


def _parsed(data: bytes, repository: str | None) -> Trusted | None:
    """Return what a file says; None for what is none of ours: then nothing is trusted."""
    try:
        found: Any = json.loads(data)
        files = {str(path): str(digest) for path, digest in found["files"].items()}
        programs = tuple(str(text) for text in found["programs"])
        texts = repo, digest, commit, at = [found[key] for key in _TEXTS]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    same = repository is None or repo == repository
    if found.get("format") != _FORMAT or not same or not all(isinstance(t, str) for t in texts):
        return None
    return Trusted(repo, digest, commit, at, files, programs)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise Denied(
            f"{error.filename or path}: {error.strerror}",
            hint="set XDG_STATE_HOME to a directory you may write to",
        ) from error
    except OSError as error:
        raise MachineFailed(f"{path}: {error.strerror}") from error
