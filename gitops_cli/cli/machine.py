"""What a command does on this machine beside repositories and clusters: programs and checkouts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cli.output import Output
from gitops_cli.settings import user_config_path

if TYPE_CHECKING:
    from gitops_cli.builder.engine import Builder
    from gitops_cli.domain.release.building import Engine
    from gitops_cli.source.checkout import Checkout
    from gitops_cli.source.placeholders import Placeholders
    from gitops_cli.state.creation import Created

NOTIFY = "GITOPS_NOTIFY_"  # variables that have the address of a target


class Machine:
    """The machine that a command runs on; imports inside functions are for start-up."""

    def __init__(self, output: Output, directory: Callable[[], Path]) -> None:
        self._output = output
        self._directory = directory

    def create(self, directory: Path, files: Mapping[str, str], subject: str) -> Created:
        """Make a new state repository."""
        from gitops_cli.state.creation import create

        return create(directory, files, subject=subject)

    def remote_of(self, directory: Path) -> str | None:
        """Return the remote of a fresh clone that is to become a state repository."""
        from gitops_cli.state.creation import remote_of

        return remote_of(directory)

    def kubectl(self, words: Sequence[str]) -> int:
        """Run kubectl with our streams; return its exit code."""
        from gitops_cli.cluster.kubectl import run_kubectl

        return run_kubectl(words)

    def builder(self, wanted: Engine | None) -> Builder:
        """Return docker or podman; their output is theirs on a terminal, else lines on stderr."""
        from gitops_cli.builder.engine import find_builder

        progress = self._output.lines_of("build")
        return find_builder(wanted, os.environ, progress, self._directory())

    def uncommitted_files(self, checkout: Checkout) -> list[str]:
        """Return what the service's checkout holds that HEAD does not."""
        from gitops_cli.source.uncommitted import uncommitted_files

        return uncommitted_files(checkout)

    def placeholders(self, checkout: Checkout, context: Path) -> Placeholders:
        """Return what stands in a build's context for files that are not there."""
        from gitops_cli.source.placeholders import placeholders

        return placeholders(checkout, context)

    def commit_uncommitted(self, checkout: Checkout) -> str:
        """Return a commit of it that no branch knows."""
        from gitops_cli.source.uncommitted import commit_uncommitted

        return commit_uncommitted(checkout)

    @cached_property
    def git_version(self) -> str | None:
        """Return the version of git; None where there is none."""
        from gitops_cli.git.process import git_version

        return git_version(Path(os.sep))  # the current directory may be gone

    @property
    def notices(self) -> Path | None:
        """Return the directory of targets of notices; None: this machine has no target at all."""
        directory = user_config_path().parent / "notify"
        if not directory.is_dir() and not any(name.startswith(NOTIFY) for name in os.environ):
            return None
        return directory
