"""What sshd runs for a key that may only read: git's own server, with what goes through counted.

Its arguments are a file and a label, such as whose key it is. For each connection the file gets a
line: the label, bytes from the client, bytes to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple


class Read(NamedTuple):
    """One connection, in bytes of git's protocol; `label` says whose."""

    label: str
    up: int
    down: int

    @property
    def total(self) -> int:
        return self.up + self.down


def reads(counts: Path) -> list[Read]:
    """Return the connections that were counted so far, in the order of their ends."""
    if not counts.exists():
        return []
    lines = counts.read_text().splitlines()
    words = (line.rsplit(" ", 2) for line in lines)
    return [Read(label, int(up), int(down)) for label, up, down in words]


def serve(command: str, counts: Path, label: str) -> int:
    """Run git's server for one connection and return its exit code."""
    git = subprocess.Popen(
        ["git-shell", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert git.stdin
    assert git.stdout
    up = 0

    def pass_on() -> None:
        nonlocal up
        assert git.stdin
        while chunk := os.read(0, 1 << 16):
            up += len(chunk)
            git.stdin.write(chunk)
            git.stdin.flush()
        git.stdin.close()

    # A daemon: a client may keep its side open after git has ended.
    threading.Thread(target=pass_on, daemon=True).start()
    down = 0
    while chunk := os.read(git.stdout.fileno(), 1 << 16):
        down += len(chunk)
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    code = git.wait()
    with counts.open("a") as file:
        file.write(f"{label} {up} {down}\n")
    return code


if __name__ == "__main__":
    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    if not asked.startswith("git-upload-pack "):
        sys.exit("this key is read-only")
    os._exit(serve(asked, Path(sys.argv[1]), sys.argv[2]))
