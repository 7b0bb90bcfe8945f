"""The private copy of trusted files that programs work on: nobody can swap what was looked at."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import InvalidState
from gitops_cli.domain.steps.content import Content
from gitops_cli.domain.text import one_line


class PrivateCopy(NamedTuple):
    """The files as the repository has them, and a directory for what is made beside them."""

    files: Path
    aside: Path


@contextmanager
def private_copy(content: Content) -> Iterator[PrivateCopy]:
    """Yield a directory that only its owner may enter, with these files; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitops-steps-", ignore_cleanup_errors=True) as name:
        root = Path(name).resolve()
        copy = PrivateCopy(root / "files", root / "aside")
        for directory in copy:
            directory.mkdir(mode=0o700)
        for path, file in content.items():
            place = copy.files / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, path, file.data, 0o700 if file.executable else 0o600)
        yield copy


def _write(place: Path, path: str, data: bytes, mode: int) -> None:
    try:
        # Of two names that the file system takes for one, the second would be the one that runs.
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise InvalidState(
            f"{one_line(path)}:1: differs from another file by the case of its letters only"
        ) from error
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
