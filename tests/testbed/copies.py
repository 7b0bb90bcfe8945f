"""Directories that are made once in a test process and written out for each test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Copies(NamedTuple):
    """What a directory held, in memory; links and times are not kept."""

    directories: tuple[str, ...]
    files: Mapping[str, tuple[int, bytes]]
    """Mode and content by path."""

    def write(self, directory: Path) -> None:
        """Write all of it below a directory that does not exist or is empty."""
        directory.mkdir(parents=True, exist_ok=True)
        for path in self.directories:
            (directory / path).mkdir()
        for path, (mode, content) in self.files.items():
            file = os.open(f"{directory}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                os.write(file, content)
            finally:
                os.close(file)


def copies_of(directory: Path) -> Copies:
    """Read a directory, which holds no links."""
    found = sorted(directory.rglob("*"))
    return Copies(
        tuple(str(path.relative_to(directory)) for path in found if path.is_dir()),
        {
            str(path.relative_to(directory)): (path.stat().st_mode & 0o777, path.read_bytes())
            for path in found
            if path.is_file()
        },
    )
