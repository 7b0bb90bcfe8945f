"""The delivery page of 10,000 changes in 100 environments, beside git's own log of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import GITOPS, Command, Figure, milliseconds, times
from tests.benchmarks.repositories import clone_of, delivered_repository

MEGABYTE = 1_000_000
SINCE = "--since=90 days ago"


def figures(work: Path) -> Iterator[Figure]:
    """Yield how long the page takes, and how large it is."""
    clone = str(clone_of(delivered_repository(), work))
    report = [GITOPS, "report", "-C", clone, "--offline", "-o", "html"]
    timed = times(
        {
            "page": Command(report),
            # Only its patches say which versions were recorded.
            "log": Command(["git", "-C", clone, "log", "-p", SINCE]),
            "raw": Command(["git", "-C", clone, "log", "--raw", SINCE]),
        }
    )
    page, log, raw = timed["page"], timed["log"], timed["raw"]
    detail = milliseconds(page=page, log=log, raw=raw)
    yield Figure("delivery page / git log -p of the range", page.median / log.median, 3, detail)
    size = len(subprocess.run(report, check=True, capture_output=True).stdout)
    yield Figure("its size in MB", size / MEGABYTE, 2, f"{size} bytes")
