"""The pager, as git chooses it: GIT_PAGER, core.pager, PAGER, else less."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gitops_cli.git.process import pager

_NOT_STARTED = (126, 127)  # what a shell answers where there is no such program


def through_pager(text: str, stream: TextIO) -> bool:
    """Show text with the pager, until its reader leaves; false where there is none to be had."""
    program = os.environ.get("GIT_PAGER") or pager(Path(os.sep))
    if program in ("", "cat"):
        return False
    with _interrupts_left_to_it():
        process = subprocess.Popen(
            ["sh", "-c", program],
            stdin=subprocess.PIPE,
            env={"LESS": "FRX", "LV": "-c", **os.environ},
        )
        process.communicate(text.encode(stream.encoding, "gitops"))  # who leaves early may
    return process.returncode not in _NOT_STARTED


@contextmanager
def _interrupts_left_to_it() -> Iterator[None]:
    """Let Ctrl-C be the pager's: it ends a search, not the command.

    Nothing is ignored, or the pager would begin by ignoring it too.
    """
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
