"""`gitops` and `python -m gitops_cli`."""

from __future__ import annotations

import sys

from gitops_cli.cli.app import app


def main() -> None:
    """Run the command line; Ctrl-C before a command has begun is an interruption too."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
