"""Start-up: help, a git-only command without work, completion."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import FLOOR, GITOPS, Command, Figure, milliseconds, times
from tests.benchmarks.repositories import HASHES, small_repository

EMPTY_APP = "import typer; app = typer.Typer(); app.command()(lambda: None); app()"


def figures(work: Path) -> Iterator[Figure]:
    """Yield the start-up figures."""
    empty = work / "empty.py"
    empty.write_text(EMPTY_APP + "\n")
    clone = small_repository(work)
    env = {"GITOPS_ENV": "project1-development"}
    timed = times(
        {
            "floor": Command(FLOOR),
            "empty help": Command([sys.executable, str(empty), "--help"]),
            "help": Command([GITOPS, "--help"]),
            "no-op set": Command(
                [GITOPS, "set", f"authentication={HASHES[0]}", "-C", str(clone)], env=env
            ),
            "completion": Command(
                [GITOPS],
                env={
                    "_GITOPS_COMPLETE": "complete_bash",
                    "COMP_WORDS": f"gitops -C {clone} history a",
                    "COMP_CWORD": "4",
                },
            ),
        },
    )
    floor = timed["floor"]
    yield Figure(
        "gitops --help / an empty Typer app's",
        timed["help"].median / timed["empty help"].median,
        1.15,
        milliseconds(ours=timed["help"], empty=timed["empty help"]),
    )
    yield Figure(
        "a set without work / floor",
        timed["no-op set"].median / floor.median,
        1.3,
        milliseconds(ours=timed["no-op set"], floor=floor),
    )
    yield Figure(
        "completion of a service / floor",
        timed["completion"].median / floor.median,
        1.3,
        milliseconds(ours=timed["completion"], floor=floor),
    )
