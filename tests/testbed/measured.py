"""Run a command and write down the most memory it had at once: `python measured.py FILE COMMAND …`.

A program of its own, as a process begins with its parent's peak, and that of the tests is large.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Run the command; return its exit code."""
    file, *command = sys.argv[1:]
    child = os.fork()
    if not child:
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    kilobytes = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    Path(file).write_text(str(kilobytes // 1024))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
