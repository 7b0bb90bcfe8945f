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

    def is_kept(self, directory: Path, *, but: str) -> bool:
        """Tell whether a directory has the files that were read, and no others, but in one part."""
        its = {path: text for path, (_, text) in self.files.items() if not path.startswith(but)}
        found = {str(path.relative_to(directory)): path for path in directory.rglob("*")}
        kept = {
            name: path.read_bytes()
            for name, path in found.items()
            if not name.startswith(but) and path.is_file()
        }
        return kept == its

    def replaced(self, old: bytes, new: bytes) -> Copies:
        """Return the same with other bytes in all files."""
        files = {path: (mode, text.replace(old, new)) for path, (mode, text) in self.files.items()}
        return Copies(self.directories, files)

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
