"""`make bench`, or `python -m tests.benchmarks startup history …`: some of SUITES."""

from __future__ import annotations

import compileall
import importlib
import sys
import tempfile
from pathlib import Path

SUITES = ("startup", "history", "cluster", "scale", "manifests", "delivery")


def main(names: list[str]) -> int:
    """Print every figure of the named suites; 1 if one misses its goal."""
    for folder in (Path("gitops_cli"), Path(sys.prefix, "lib")):
        compileall.compile_dir(folder, quiet=2)  # a venv without .pyc starts 2 to 4 times slower
    missed = 0
    for name in names or SUITES:
        suite = importlib.import_module(f"tests.benchmarks.{name}")
        with tempfile.TemporaryDirectory(prefix=f"gitops-bench-{name}-") as work:
            for figure in suite.figures(Path(work)):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()
                missed += str(figure).startswith("MISS")
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
