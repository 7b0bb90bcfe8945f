"""The user's editor, as git chooses it: GIT_EDITOR, core.editor, VISUAL, EDITOR, else vi."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.git.process import editor


def edit(path: Path) -> None:
    """Let a person edit a file. Raises ConfigurationError if the editor fails.

    As git does it: the user's own setting is a line of shell, the file its argument.
    """
    program = os.environ.get("GIT_EDITOR") or editor(Path(os.sep))
    done = subprocess.run(["sh", "-c", f'{program} "$@"', program, str(path)], check=False)
    if done.returncode != 0:
        raise ConfigurationError(
            f"the editor `{program}` ended with {done.returncode}",
            hint="GIT_EDITOR, VISUAL or EDITOR names another one",
        )
