"""`gitops` and `python -m gitops_cli`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Run the command line; Ctrl-C before a command has begun is an interruption too."""
    if sys.stdout is None or sys.stderr is None:  # closed by the caller: `gitops status >&-`
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the end)
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    if os.getpid() == 1:  # in a container: the kernel keeps from it what it has no handler for
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    gc.disable()  # what is being loaded is no garbage; a command's work switches it on again
    try:
        from gitops_cli.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # else the interpreter looks through all that is loaded before it ends


if __name__ == "__main__":
    main()
