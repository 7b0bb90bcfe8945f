"""The state repository: what commands read from it, and the one way to write to it.

Imports inside functions are for start-up: what only a write, a history or a URL needs is loaded
by those alone (docs/decisions/0003-write-transaction.md has the figures).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gitops_cli.domain.change.proposal import Actor, Proposal, Written
from gitops_cli.domain.errors import (
    Denied,
    GitError,
    GitOpsError,
    NoStateRepository,
    RemoteUnreachable,
    UsageError,
)
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.git.failures import failure
from gitops_cli.state.branches import Branch, short_name
from gitops_cli.state.reach import Reach, Tip
from gitops_cli.state.snapshots import commit_snapshot, index_snapshot, worktree_snapshot
from gitops_cli.state.store import Store, revision

if TYPE_CHECKING:
    from gitops_cli.domain.forge_links import ForgeHosts
    from gitops_cli.domain.past.commits import Commit
    from gitops_cli.domain.steps.content import Content
    from gitops_cli.git.login import Login
    from gitops_cli.state.past import Past

_WITHOUT_REMOTE = 20.0  # seconds for the remote where the last known tip will do as well


class StateRepository:
    """One state repository: a clone, a bare repository or a URL through the cached mirror."""

    def __init__(
        self, description: str, branch: Branch, store: Store, reach: Reach, worktree: Path | None
    ) -> None:
        self.description = description
        self.worktree = worktree
        self._branch = branch
        self._store = store
        self._reach = reach
        self.recorded: str | None = None
        """The last commit that this run has written."""
        self._last: Tip | None = None
        self.has_told = False
        """Whether defects of gitops.toml were told; who lists them all has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that serve reading; the next read starts them again."""
        if "past" in self.__dict__:
            self.past.close()
        self._store.close()

    @cached_property
    def past(self) -> Past:
        """Return what the branch was at before."""
        from gitops_cli.state.past import Past

        return Past(self.description, self._store, self._reach, self._branch)

    @property
    def branch(self) -> str | None:
        """Return the branch that holds the state, in short; None until the remote said it."""
        return short_name(self._branch)

    def tip(self, *, require_remote: bool = True, timeout: float | None = None) -> Tip:
        """Return the commit to work on: the remote's tip, unless `offline` or `rev` say otherwise.

        Raises RemoteUnreachable or Denied if the remote does not answer and `require_remote`;
        without it the last known tip is returned with a note. `timeout`: how long a writer may
        take, a server that drops connections included.
        """
        self._last = self._tip(require_remote, timeout)
        return self._last

    def _tip(self, require_remote: bool, timeout: float | None) -> Tip:
        reach = self._reach
        if reach.rev is not None:
            return self._at(self.resolve(reach.rev), fresh=False)
        if reach.offline and self._branch.local is None:
            return self._at(self._branch.last_known() or self._head(), fresh=False)
        usual = reach.timeout if require_remote else min(reach.timeout, _WITHOUT_REMOTE)
        try:
            return self._at(self._branch.look(timeout=timeout or usual), fresh=True)
        except (RemoteUnreachable, Denied) as error:
            # A branch that is remembered here may be older than what the remote told this process.
            seen = None if self._last is None else self._last.commit
            known = seen or self._branch.last_known() or self._head()
            if require_remote:
                if (instead := self._doubt(error)) is not error:
                    raise instead from error
                if isinstance(error, RemoteUnreachable):
                    error.hint = "--offline goes on with what is known here, if that is enough"
                raise
            if known is None:
                raise
            return self._at(known, fresh=False, note=f"{error.message}; showing the last known")

    def _doubt(self, error: GitOpsError) -> GitOpsError:
        """Return that this is no state repository, if all that is known here says so.

        `error` is why its remote cannot say better: a service's own is not waited for.
        """
        commit = self._branch.last_known() or self._head()
        if commit is None or commit_snapshot(self._store.reader, commit).holds_state:
            return error
        return self._no_state(f", as far as is known here: {error.message}")

    def _no_state(self, more: str = "") -> NoStateRepository:
        lacks = f"it has no environment and no gitops.toml{more}"
        return NoStateRepository(f"{self.description} is no state repository: {lacks}")

    def _head(self) -> str | None:
        found = self._store.reader.commit("HEAD")
        return None if found is None else found.hash

    def _at(self, commit: str | None, *, fresh: bool, note: str | None = None) -> Tip:
        if commit is None:
            return Tip(None, None, fresh, note)
        return Tip(commit, self.commit(commit).committed_at, fresh, note)

    def snapshot(self, commit: str | None) -> Snapshot:
        """Return the repository at a commit; raises NoStateRepository if it holds no state there.

        So it does for None, a repository without commits: `init` makes the first.
        """
        return self._checked(commit_snapshot(self._store.reader, commit))

    def _checked(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.holds_state:
            self._tell_defects(snapshot.team)
            return snapshot
        if self._last is not None and self._last.commit is None and self._is_unpushed():
            raise NoStateRepository(
                f"{self.description} has no commits yet, but {self.worktree} has",
                hint="push them: git push -u origin HEAD; or ",
            )
        raise self._no_state()

    def _tell_defects(self, team: TeamSettings) -> None:
        """Say once which keys of gitops.toml are as if they were not there."""
        if not team.defects:
            return
        from gitops_cli.domain.recorded.governing import is_foreign
        from gitops_cli.domain.settings import BadSettings

        defects = [defect for defect in team.defects if not is_foreign(defect.key)]
        if defects and not self.has_told:
            self.has_told = True
            self._reach.notify(f"{BadSettings(*defects)} (`gitops validate` says more)")

    def _of_state(self, propose: Callable[[Snapshot], Proposal]) -> Callable[[Snapshot], Proposal]:
        """Return the same for state repositories only, and for one that is to become one."""

        def checked(snapshot: Snapshot) -> Proposal:
            return propose(snapshot if snapshot.commit is None else self._checked(snapshot))

        return checked

    def _is_unpushed(self) -> bool:
        """Tell whether the checkout holds what its remote lacks, as after `gitops init`."""
        return self.worktree is not None and self._files_of(self.worktree).holds_state

    def _files_of(self, worktree: Path) -> Snapshot:
        store = self._store
        return worktree_snapshot(worktree, store.git, store.reader, store.config)

    def worktree_snapshot(self) -> Snapshot:
        """Return the files of the user's checkout as they are; UsageError without a checkout."""
        return self._checked(self._files_of(self._checkout("working tree")))

    def index_snapshot(self) -> Snapshot:
        """Return what is staged, as a pre-commit hook must judge it."""
        self._checkout("index")
        return self._checked(index_snapshot(self._store.git, self._store.reader, os.environ))

    def contents(self, commit: str | None, prefix: str = "") -> Mapping[str, bytes]:
        """Return the regular files of a commit below `prefix`, whole: path → bytes."""
        return {} if commit is None else self._store.contents(commit, prefix)

    def file(self, commit: str, path: str) -> bytes | None:
        """Return a regular file of a commit; None where there is none. Raises InvalidState."""
        from gitops_cli.state.trees import committed_file

        return committed_file(self._store.reader, commit, path)

    def files_below(
        self, commit: str | None, directory: str, *, staged: bool = False
    ) -> Mapping[str, bytes]:
        """Return the files below a directory, at a commit or, for None, in the working tree.

        `staged`: in the index.

        Path from the repository's root → content; none where there is no such directory. A link
        is the file it leads to. Raises InvalidState for what is too large or leads elsewhere.
        """
        from gitops_cli.state.trees import committed_files, staged_files, worktree_files

        if staged:
            return staged_files(self._store.git, self._store.reader, directory)
        if commit is not None:
            return committed_files(self._store.reader, commit, directory)
        return worktree_files(self._checkout("working tree"), directory)

    def _checkout(self, what: str) -> Path:
        if self.worktree is None:
            message = f"{self.description} has no {what}"
            raise UsageError(message, hint="run this in a clone of it")
        return self.worktree

    def hashes_below(self, commit: str, directory: str) -> Mapping[str, str]:
        """Return git's hashes of the files below a directory, by path; no content is read."""
        from gitops_cli.state.trees import hashes

        return hashes(self._store.reader, commit, directory)

    def tracked_files(self, commit: str, paths: Iterable[str]) -> Content:
        """Return files of a commit, and all below directories, with their modes; InvalidState."""
        from gitops_cli.state.trees import tracked_files

        return tracked_files(self._store.reader, commit, paths)

    @property
    def identity(self) -> str:
        """Return what is the same for all spellings of the repository's URL; without a remote,
        its place on this machine.
        """
        if self._branch.local is not None:
            return str(self._branch.git.directory)
        from gitops_cli.domain.git_url import identity_of

        return identity_of(self._branch.push_url, str(self._branch.git.directory))

    def address(self, hosts: ForgeHosts) -> str:
        """Return the URL that a forge knows it by, if one does; else what it is called here."""
        return self._known(self.description, hosts)

    def push_address(self, hosts: ForgeHosts) -> str | None:
        """Return the same of where is pushed to, credentials and all; None without a remote."""
        return None if self.push_url is None else self._known(self.push_url, hosts)

    def _known(self, url: str, hosts: ForgeHosts) -> str:
        from gitops_cli.domain.forge_links import known_address
        from gitops_cli.git.aliases import addresses

        return known_address(addresses(url, self._store.config), hosts)

    def resolve(self, rev: str) -> str:
        """Return the full hash of a commit-ish, with the whole history; UsageError if unknown."""
        found = revision(self._store.git, rev)
        if found is None and not self._reach.offline and self._branch.local is None:
            self._branch.look(timeout=self._reach.timeout)
            found = revision(self._store.git, rev)
        if found is None and self._store.is_shallow:
            self.past.complete()
            found = revision(self._store.whole.git, rev)
        if found is None:
            raise UsageError(
                f"`{one_line(rev)}` is no commit of {self.description}",
                hint="`gitops history` shows them",
            )
        return found

    def commit(self, commit: str) -> Commit:
        """Return a commit's author, times and message."""
        found = self._store.reader.commit(commit)
        if found is None and self._store.has_whole:
            found = self._store.whole.reader.commit(commit)
        if found is None:
            raise GitError(f"{self.description} has no commit {one_line(commit)}")
        return found

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`; None: cannot tell (shallow, or unknown here)."""
        return self._store.is_ancestor(older, newer)

    def is_still_tip(self, commit: str) -> bool:
        """Ask the remote whether its tip is this commit; False if it does not answer."""
        tip = self.tip(require_remote=False)
        return tip.fresh and tip.commit == commit

    def author(self) -> Actor | None:
        """Return whom git would write as the author here; None if it knows nobody."""
        told = self._branch.git.run("var", "GIT_AUTHOR_IDENT").text
        name, bracket, rest = told.partition(" <")
        return Actor(name.strip(), rest.partition(">")[0]) if bracket and name.strip() else None

    def signer(self, commit: str) -> str | None:
        """Return who signed a commit, if the signature is good and of a key that is trusted here.

        Trusted: by git's gpg.ssh.allowedSignersFile, or by the GPG keyring of whoever asks.
        """
        git = self._store.whole.git if self._store.has_whole else self._store.git
        done = git.run("log", "-1", "--no-color", "--format=%G? %GS", commit, "--")
        verdict, _, who = done.text.partition(" ")
        return who.strip() or None if done.code == 0 and verdict == "G" else None

    @property
    def push_url(self) -> str | None:
        """Return the URL that is pushed to, credentials and all; None without a remote."""
        return None if self._branch.local is not None else self._branch.push_url

    def login(self) -> Login | None:
        """Return what git pushes with over https; None where no helper knows it."""
        from gitops_cli.git.login import login_for

        return login_for(self._branch.git, self._branch.push_url)

    def check_write(self) -> None:
        """Ask the remote whether it would take a push, without pushing; raises Denied …."""
        if self._branch.local is not None:
            return
        tip, ref = self._branch.last_known(), self._branch.ref
        if tip is None or ref is None:
            return
        url = self._branch.push_url
        words = ("push", "--dry-run", "--porcelain", "--no-verify", "--", url, f"{tip}:{ref}")
        done = self._branch.git.run(*words, timeout=self._reach.timeout)
        # A tip that moved meanwhile is rejected by our own side, after the server let us in.
        if done.code != 0 and f":{ref}\t" not in done.text:
            raise failure(done, f"cannot push to {redacted(url)}", remote=url)

    def write(
        self,
        propose: Callable[[Snapshot], Proposal],
        *,
        actor: Actor | None = None,
        timeout: float = 300.0,
    ) -> Written:
        """Write a proposal as one commit on the tip of the branch.

        `propose` is a pure function of the snapshot and is called again for every new tip; what
        it raises ends the write once the tip it was computed from is known to be the remote's.
        Edits that change nothing are no change. `actor` is the author in CI; None: git's own
        identity. Raises PushRefused, RetriesExhausted, RemoteUnreachable, Denied or GitError.
        """
        from gitops_cli.state.transaction import Transaction

        if self._reach.rev is not None:
            raise UsageError("--rev looks at an old commit: nothing can be written there")
        if self._reach.offline and self._branch.local is None:
            raise UsageError("--offline cannot write: a write is a push to the remote")
        transaction = Transaction(
            branch=self._branch,
            reader=self._store.reader,
            config=self._store.config,
            environment=self._reach.environment,
            propose=self._of_state(propose),
            actor=actor,
            timeout=timeout,
            notify=self._reach.notify,
            doubt=self._doubt,
        )
        written = transaction.run(None if self._last is None else self._last.commit)
        self.recorded = written.commit if written.changed else self.recorded
        if written.commit is not None:
            with suppress(GitOpsError, OSError):  # then it is read anew, if it is asked for
                self._last = None
                self._last = self._at(written.commit, fresh=True)
        return written

    def write_aside(
        self,
        name: str,
        propose: Callable[[Snapshot], Proposal],
        *,
        actor: Actor | None = None,
        timeout: float = 60.0,
    ) -> Written:
        """Write a proposal as the one commit of the branch `name`, for somebody to merge.

        Replaces what an earlier call proposed there. The branch that holds the state stays as it
        is. Raises what `write` raises.
        """
        from gitops_cli.state.side_branch import write_aside

        if self._reach.offline and self._branch.local is None:
            raise UsageError("--offline cannot write: a write is a push to the remote")
        return write_aside(
            name,
            self._of_state(propose),
            branch=self._branch,
            reader=self._store.reader,
            config=self._store.config,
            environment=self._reach.environment,
            actor=actor,
            timeout=timeout,
        )
