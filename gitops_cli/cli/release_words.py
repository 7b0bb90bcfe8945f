"""How the image of a release is made, in the words of the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.release.building import (
    BuildRequest,
    CommitRequest,
    check_container,
    check_secret,
    parse_command,
)


class BuildArguments(NamedTuple):
    """The command line's words on how the image is made."""

    build: Path | None
    file: Path | None
    args: list[str] | None
    secrets: list[str] | None
    platforms: list[str] | None
    container: str | None
    cmd: str | None

    def request(self, directory: Path, labels: dict[str, str]) -> BuildRequest | CommitRequest:
        """Return what to do; raises UsageError where words exclude each other."""
        if self.container is not None:
            return self._of_container(self.container, labels)
        if self.cmd is not None:
            raise UsageError("--cmd is for --image-from-container; a Dockerfile has CMD")
        context = directory / (self.build or ".")
        if not context.is_dir():
            raise UsageError(f"--build {context}: not a directory")
        return BuildRequest(
            context.absolute(),
            self._file(directory, context),
            tuple(self.args or ()),
            tuple(check_secret(text, os.environ) for text in self.secrets or ()),
            tuple(p for text in self.platforms or () for p in text.split(",")),
            labels,
        )

    def _file(self, directory: Path, context: Path) -> Path | None:
        """Return the Dockerfile: the named one, or the context's, by docker's or podman's name."""
        if self.file is not None:
            if not (directory / self.file).is_file():
                raise UsageError(f"--file {self.file}: no such file")
            return (directory / self.file).absolute()
        for name in ("Dockerfile", "Containerfile"):
            if (context / name).is_file():
                return (context / name).absolute()
        return None

    def _of_container(self, container: str, labels: dict[str, str]) -> CommitRequest:
        building = (self.build, self.file, self.args, self.secrets, self.platforms)
        if any(word is not None for word in building):
            raise UsageError("--image-from-container builds nothing, so it takes no build options")
        return CommitRequest(check_container(container), parse_command(self.cmd), labels)
