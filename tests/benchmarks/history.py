"""git: writes, history and status on 100,000 commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import FLOOR, GITOPS, Command, Figure, Timing, milliseconds, times
from tests.benchmarks.repositories import big_repository, clone_of, git, wide_repository

FILE = "project1-production/authentication.deployment"
SERVICE = ["authentication", "-e", "project1-production"]


def figures(work: Path) -> Iterator[Figure]:
    """Yield the figures of writing and reading big repositories."""
    clone = clone_of(big_repository(), work)
    yield from _writes(clone, work)
    yield from _reads(clone)
    yield from _wide(clone_of(wide_repository(), work))


def _writes(clone: Path, work: Path) -> Iterator[Figure]:
    by_hand = clone_of(big_repository(), work / "by-hand")
    script = work / "by-hand.sh"
    script.write_text(
        f"set -e; cd {by_hand}; git pull -q; head -c20 /dev/urandom | od -An -tx1 | tr -d ' \\n'"
        f" > {FILE}; git commit -qam change; git push -q\n"
    )
    record = work / "set.sh"
    record.write_text(
        "set -e; hash=$(head -c20 /dev/urandom | od -An -tx1 | tr -d ' \\n')\n"
        f"exec {GITOPS} set -q -C {clone} --allow-older -e project1-production"
        " authentication=$hash\n"
    )
    promote = work / "promote.sh"
    promote.write_text(
        f"exec {GITOPS} promote -q -C {clone} authentication --yes --from project1-development"
        " --to project1-staging\n"
    )
    change_source = work / "source.sh"
    change_source.write_text(
        "set -e; hash=$(head -c20 /dev/urandom | od -An -tx1 | tr -d ' \\n')\n"
        f"exec {GITOPS} set -q -C {clone} --allow-older -e project1-development"
        " authentication=$hash\n"
    )
    timed = times(
        {
            "floor": Command(FLOOR),
            "by hand": Command(["sh", str(script)]),
            "set": Command(["sh", str(record)]),
            "promote": Command(["sh", str(promote)], prepare=["sh", str(change_source)]),
        }
    )
    floor, hand = timed["floor"].median, timed["by hand"].median
    for name in ("set", "promote"):
        yield Figure(
            f"{name} with push, 100,000 commits / (floor + 1.5 × pull, commit, push)",
            timed[name].median / (floor + 1.5 * hand),
            1,
            milliseconds(ours=timed[name], by_hand=timed["by hand"], floor=timed["floor"]),
        )


def _reads(clone: Path) -> Iterator[Figure]:
    remote = git("remote", "get-url", "origin", directory=clone)
    git("commit-graph", "write", "--reachable", "--changed-paths", directory=Path(remote))
    url = f"file://{remote}"
    timed = times(
        {
            "floor": Command(FLOOR),
            "last 20": Command([GITOPS, "history", "-n", "20", *SERVICE, "-R", url, "-o", "json"]),
            "complete": Command([GITOPS, "history", "-n", "0", *SERVICE, "-R", url, "-o", "json"]),
            "git log": Command(["git", "-C", remote, "log", "--format=%H", "main", "--", FILE]),
            "status": Command([GITOPS, "status", "-R", url]),
        }
    )
    floor = timed["floor"]
    yield _over("history, last 20", timed["last 20"], floor, 0.1)
    yield Figure(
        "complete history / git log with changed-path filters (less floor)",
        (timed["complete"].median - floor.median) / timed["git log"].median,
        1.2,
        milliseconds(ours=timed["complete"], git=timed["git log"]),
    )
    yield _over("status, 60 files", timed["status"], floor, 0.2)


def _wide(clone: Path) -> Iterator[Figure]:
    timed = times(
        {"floor": Command(FLOOR), "status": Command([GITOPS, "status", "-C", str(clone)])}
    )
    yield _over("status, 3,000 files", timed["status"], timed["floor"], 0.5)


def _over(what: str, ours: Timing, floor: Timing, seconds: float) -> Figure:
    return Figure(
        f"{what} / (floor + {seconds} s)",
        ours.median / (floor.median + seconds),
        1,
        milliseconds(ours=ours, floor=floor),
    )
