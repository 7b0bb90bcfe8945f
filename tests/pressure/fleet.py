"""Many `gitops` processes at once, and whether what they said is what the remote holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gitops_cli.domain.errors import ExitCode
from tests.state.world import World, path_of
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran

DEADLINE = "600s"
"""The commands' own --timeout. Long: other work on the machine must not become a failure."""
HANGING = 900.0
"""Seconds after which a command counts as hanging and is ended."""

Commands = Sequence[Sequence[str]]

_log = logging.getLogger(__name__)


def setting(service: str, value: str) -> tuple[str, ...]:
    """Return the arguments of a `gitops set` in development."""
    return ("set", f"{service}={value}", "-e", "dev", "--new")


def promoting(source: str = "dev") -> tuple[str, ...]:
    """Return the arguments of a `gitops promote` to production."""
    return ("promote", "auth", "--from", source, "--to", "prod", "--yes")


def hash_of(number: int) -> str:
    """Return a version that no other number has."""
    return f"{number:040x}"


def run_at_once(jobs: Sequence[tuple[Gitops, Commands]], *, name: str) -> list[Ran]:
    """Run jobs at once, the commands of a job one after the other; return how each ended.

    The time that all took is logged: pytest --log-cli-level=INFO shows it.
    """
    begun = time.monotonic()
    with ThreadPoolExecutor(len(jobs)) as pool:
        ended = [ran for job in pool.map(_run, jobs) for ran in job]
    took = time.monotonic() - begun
    _log.info("%s: %d at once, %d commands, %.1f s", name, len(jobs), len(ended), took)
    return ended


def _run(job: tuple[Gitops, Commands]) -> list[Ran]:
    gitops, commands = job
    shared = ("-o", "json", "--timeout", DEADLINE)
    return [gitops(*command, *shared, timeout=HANGING) for command in commands]


def check_account(world: World, before: str, ended: Sequence[Ran]) -> None:
    """Hold what the commands said against the remote: one commit per effective change and no
    other, each a child of the one before, changing exactly the file and the versions that its
    command reported; whoever was refused, for what somebody else did, wrote nothing.
    """
    for ran in ended:
        assert ran.code in (ExitCode.OK, ExitCode.BLOCKED), ran
        assert (ran.code == ExitCode.OK) == bool(ran.stdout), ran
    documents = [ran.json() for ran in ended if ran.code == ExitCode.OK]
    said = {document["commit"]: document for document in documents if document["changed"]}
    # The same change by the same author in the same second on the same tip is the same commit, and
    # both have made it.
    assert all(said[each["commit"]] == each for each in documents if each["changed"])
    made = git(world.remote, "rev-list", "--reverse", f"{before}..main").splitlines()
    assert sorted(made) == sorted(said)
    for parent, commit in zip([before, *made], made, strict=False):
        assert git(world.remote, "rev-parse", f"{commit}^@") == parent
        [change] = said[commit]["changes"]
        path = path_of(change["service"], said[commit]["environment"])
        assert git(world.remote, "diff", "--name-only", parent, commit) == path
        assert git(world.remote, "show", f"{commit}:{path}") == change["to"]
        listed = git(world.remote, "ls-tree", parent, path)
        old = git(world.remote, "show", f"{parent}:{path}") if listed else None
        assert old == change["from"]
    git(world.remote, "fsck", "--strict")
