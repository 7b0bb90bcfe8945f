"""A source's remote, read through the mirror of its commits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.git.cache import cache_directory, check_own
from gitops_cli.git.config import handed_on, read_config
from gitops_cli.git.environment import git_environment, never_asking, ssh_batch
from gitops_cli.git.mirror import COMMITS, Holding, mirror_path, open_mirror
from gitops_cli.git.process import Git
from gitops_cli.git.remote import commits_named
from gitops_cli.source.checkout import reading
from gitops_cli.source.commits import Commits

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch

SECONDS = 30.0  # for one connection to a source's remote


class Upstream:
    """A source's remote, through the mirror of its commits. `trouble` says why it has no answer.

    Commits never change, so the remote is asked only for one that is missing, and once: for all
    services it is the source of, and for all that ask at the same time. `clone` is a checkout of
    it, whose way to the remote (credentials, headers, keys) the mirror takes. `timeout` (seconds)
    limits each connection, `deadline` (of time.monotonic) all of them.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = SECONDS,
        deadline: float | None = None,
        offline: bool = False,
        clone: Path | None = None,
        watch: Watch | None = None,
        holding: Holding = COMMITS,
    ) -> None:
        self.url = url
        self._holding = holding
        self.trouble: str | None = None
        self._timeout = timeout
        self._deadline = deadline
        self._offline = offline
        self._clone = clone
        self._watch = watch
        self._here: Commits | None = None
        self._lock = threading.Lock()
        self._is_current = False  # what the branches hold was brought by us
        self._tried: set[str] = set()

    @cached_property
    def path(self) -> Path:
        """Return where the mirror is, or would be."""
        return mirror_path(cache_directory(os.environ), self.url, self._holding)

    @property
    def _left(self) -> float:
        """Return how many seconds a connection may take: as usual, or until the deadline of all."""
        if self._deadline is None:
            return self._timeout
        return max(0.0, min(self._timeout, self._deadline - time.monotonic()))

    def here(self) -> Commits | None:
        """Return the commits that are on this machine; None if none are."""
        try:
            check_own(self.path)
        except GitOpsError as error:
            self.trouble = error.message
            return None
        if self._here is None and (self.path / "HEAD").exists():
            self._here = Commits(Git(self.path, git_environment(), git_dir=self.path))
        return self._here

    def ready_for(self, *hashes: str, anew: bool = False) -> Commits | None:
        """Return the mirror with these commits, if it can be had; None if there is none.

        `anew`: what the branches hold by now is the question.
        """
        with self._lock:
            found = self.here()
            missing = hashes if found is None else found.lacks(*hashes)
            wanted = [commit for commit in missing if commit not in self._tried]
            is_ready = found is not None and not wanted and (self._is_current or not anew)
            if self._offline or self.trouble is not None or is_ready:
                return found
            self._tried.update(wanted)  # once is enough
            try:
                self._bring(wanted, anew)
            except GitOpsError as error:
                self.trouble = error.message
            self._here = None  # what was not there may be now
            return self.here()

    def _bring(self, wanted: Sequence[str], anew: bool) -> None:
        mirror, made = open_mirror(
            cache_directory(os.environ),
            self.url,
            self._environment(),
            offline=False,
            timeout=self._left,
            holding=self._holding,
            watch=self._watch,
        )
        current = made or self._is_current
        mirror.fetch_commits(
            *wanted, timeout=self._left, anew=anew and not current, current=current
        )
        self._is_current = current or bool(wanted) or anew

    def refs(self, name: str) -> list[str] | None:
        """Return the commits of the remote's tag and branch of a name; None if it cannot be asked.

        Names move, so the remote is asked each time.
        """
        if self._offline or self.ready_for() is None or self.trouble is not None:
            return None
        git = Git(self.path, self._environment(), git_dir=self.path)
        try:
            return commits_named(git, self.url, name, timeout=self._left)
        except GitOpsError as error:
            self.trouble = error.message
            return None

    def _environment(self) -> dict[str, str]:
        """Return an environment in which nobody is asked: many sources are read at once."""
        usual = git_environment()
        usual |= never_asking(usual)
        if self._clone is None:
            config = read_config(Git(Path(self.path.anchor), usual, git_dir=self.path))
        else:
            config = read_config(reading(self._clone))
            usual = handed_on(usual, config)
        return usual | ssh_batch(usual, config.get("core.sshcommand"))
