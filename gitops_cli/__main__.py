"""`gitops` and `python -m gitops_cli`."""

from __future__ import annotations

import gc
import os
import signal
import sys

from gitops_cli.cli.streams import prepare


def main() -> None:
    """Run the command line; Ctrl-C before a command has begun is an interruption too."""
    prepare()
    _have_a_home()
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


def _have_a_home() -> None:
    """Give a user whom the system does not know the home that container runtimes give: `/`.

    Without one some would take `~` for a folder of the current directory.
    """
    if "HOME" in os.environ:
        return
    import pwd  # hardly ever needed

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ["HOME"] = os.sep


if __name__ == "__main__":
    main()
