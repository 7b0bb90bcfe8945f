"""Opens the state repository: a URL, the one around a directory, or the user's usual one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import NoStateRepository
from gitops_cli.domain.text import redacted
from gitops_cli.git.config import read_config, without_questions
from gitops_cli.git.discovery import is_bare, tells
from gitops_cli.git.environment import git_environment
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.process import Git
from gitops_cli.git.remote import check_url
from gitops_cli.state.branches import Branch, CloneBranch, LocalBranch
from gitops_cli.state.location import Location, find_location, find_remote, holds_state
from gitops_cli.state.reach import Reach
from gitops_cli.state.repository import StateRepository
from gitops_cli.state.store import clone_store

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch


def open_repository(
    start: Path,
    *,
    url: str | None = None,
    fallback: str | None = None,
    rev: str | None = None,
    offline: bool = False,
    timeout: float = 60.0,
    deadline: float | None = None,
    notify: Callable[[str], None] | None = None,
    named: bool = False,
    watch: Watch | None = None,
) -> StateRepository:
    """Return the state repository: of `url`, else the one around `start`, else of `fallback`.

    `url` may be the path of a clone, which is then used as such. `fallback` is taken where `start`
    is in no repository, or in one that holds no environment (a service's checkout). `rev` fixes
    the commit. `timeout` (seconds) limits each connection, `deadline` (of time.monotonic) all of
    them. `notify` hears, one line at a time, why a write has to wait, and of a `fallback` in place
    of a `start` that somebody `named`; `watch`, how far a long fetch is. Raises UsageError, Denied,
    RemoteUnreachable.
    """
    tell = notify or (lambda _: None)
    reach = Reach(git_environment(), rev, offline, timeout, tell, deadline, watch)
    if url is not None:
        return _of_url(url, start, reach)
    location = find_location(start, reach.environment)
    if fallback is not None and (location is None or not holds_state(location)):
        if named:
            reach.notify(f"{start} is no state repository; using {redacted(fallback)}")
        return _of_url(fallback, Path.home(), reach)
    if location is None:
        raise NoStateRepository(f"{start} is not in a git repository")
    return _of_location(location, reach)


def _of_url(url: str, start: Path, reach: Reach) -> StateRepository:
    check_url(url)
    path = (start / Path(url).expanduser()).absolute()
    if tells(path, Path.is_dir):
        location = None if is_bare(path) else find_location(path, reach.environment)
        if location is not None and location.worktree is not None:
            return _of_location(location, reach)
        url = str(path)
    return _of_mirror(url, reach)


def _of_location(location: Location, reach: Reach) -> StateRepository:
    remote = find_remote(location)
    reader = ObjectReader(location.git)
    branch: Branch
    if remote is None:
        branch = LocalBranch(location, reader)
        description = str(location.path)
    else:
        branch = CloneBranch(location, remote, reader)
        description = redacted(remote.url)
    store = clone_store(location, reader, remote, reach.watch)
    return StateRepository(description, branch, store, reach, location.worktree)


def _of_mirror(url: str, reach: Reach) -> StateRepository:
    from gitops_cli.git.cache import cache_directory, check_own
    from gitops_cli.git.mirror import mirror_path, open_mirror
    from gitops_cli.state.mirror_branch import MirrorBranch, mirror_store

    cache = cache_directory(os.environ)
    path = mirror_path(cache, url)
    check_own(path)
    # As git sees it in the mirror: what the repository around us says is about another one.
    config = read_config(Git(Path(path.anchor), reach.environment, git_dir=path))
    environment = without_questions(reach.environment, config)
    mirror, made = open_mirror(
        cache,
        url,
        environment,
        offline=reach.offline,
        timeout=reach.timeout,
        watch=reach.watch,
    )
    reader = ObjectReader(mirror.git)
    branch = MirrorBranch(mirror, reader, fresh=made)
    store = mirror_store(mirror, reader, config)
    return StateRepository(redacted(url), branch, store, reach, None)
