"""The pager, as git chooses it: GIT_PAGER, core.pager, PAGER, else less."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TextIO

from gitops_cli.git.process import pager

_NOT_STARTED = (126, 127)  # what a shell answers where there is no such program


def through_pager(text: str, stream: TextIO) -> bool:
    """Show text with the pager, until its reader leaves; false where there is none to be had."""
    program = os.environ.get("GIT_PAGER") or pager(Path(os.sep))
    if program in ("", "cat"):
        return False
    process = subprocess.Popen(
        ["sh", "-c", program],
        stdin=subprocess.PIPE,
        env={"LESS": "FRX", "LV": "-c", **os.environ},
    )
    return _read(process, text.encode(stream.encoding, "gitops")) not in _NOT_STARTED


def _read(process: subprocess.Popen[bytes], data: bytes) -> int:
    """Hand the text over and return the pager's exit code; Ctrl-C is the pager's."""
    while True:
        try:
            process.communicate(data)  # a reader that leaves early is no failure
            return process.returncode
        except KeyboardInterrupt:
            continue
