"""kubectl, for what it alone does well: a terminal inside a container (decision 16)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gitops_cli.domain.errors import ConfigurationError

_SIGNALLED = 128  # what a shell adds to the number of the signal that ended a program


def run_kubectl(words: Sequence[str]) -> int:
    """Run it with our streams and variables, and return its exit code; raises ConfigurationError.

    Ctrl-C is its own: whoever types it means what runs in the container.
    """
    process = subprocess.Popen([_program(), *words])
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return _SIGNALLED - code if code < 0 else code


def _program() -> str:
    """Return which one to start; the current directory is not searched, whatever PATH says."""
    found = shutil.which("kubectl")
    if found is None or not Path(found).is_absolute():
        raise ConfigurationError(
            "`exec` needs kubectl, and there is none on PATH",
            hint="install it (https://kubernetes.io/docs/tasks/tools); `gitops logs` needs none",
        )
    return found
