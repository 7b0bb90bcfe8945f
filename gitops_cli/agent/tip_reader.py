"""The agent's view of the state repository: the newest commit of one branch, and no more.

`look` costs one connection and less than a kilobyte; only when the tip is unknown here follows
one shallow fetch (facts f). The repository is private to the process: nobody else's locks matter.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitError, InvalidState
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import redacted
from gitops_cli.domain.version import is_commit
from gitops_cli.git.environment import git_environment, ssh_batch
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.process import Git
from gitops_cli.git.remote import HEADS, check_ref, check_url, fetch, look
from gitops_cli.git.trust import OURS
from gitops_cli.state.reach import Tip
from gitops_cli.state.snapshots import commit_snapshot
from gitops_cli.state.trees import committed_files

if TYPE_CHECKING:
    from gitops_cli.domain.steps.content import Content

_OWN = "refs/gitops/tip"
_MAX_PACKS = 100  # each fetch leaves one; then starting again is cheaper than gc
_SECONDS = 60.0  # for a question to the remote, if the run has no limit
_FRESH = 15.0  # seconds for which a tip counts as just read
_STEPS = (20, 200, 2000)  # commits to look through for a trusted one, fetched when needed


class TipReader:
    """Reads one remote's tip into a bare repository of depth 1 that vanishes on close.

    `left` says how many of the usual seconds there are for what the remote is asked.
    `fetches` counts how often the tip was not here and had to be fetched, `looks` how often the
    remote was asked for it.
    """

    def __init__(
        self,
        url: str,
        *,
        branch: str | None = None,
        ssh: str | None = None,
        left: Callable[[float], float] = lambda usual: usual,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = check_url(url)
        self._ref = None if branch is None else check_ref(HEADS + branch)
        self._left = left
        variables = git_environment(environment)
        if ssh is not None:
            variables["GIT_SSH_COMMAND"] = ssh
        variables |= ssh_batch(variables, None)
        self._directory = Path(tempfile.mkdtemp(prefix="gitops-tip-"))
        git_dir = self._directory / "tip.git"
        self._git = Git(self._directory, variables, git_dir=git_dir, options=OURS)
        self._reader = ObjectReader(self._git)
        self._tip = ""
        self._looked_at = float("-inf")
        self._has_history = False
        self._reading = threading.Lock()
        self._directories: set[str] = set()
        self._packed = False  # what is here came from a pack, which may not be all
        self.fetches = 0
        self.looks = 0

    def close(self) -> None:
        """Remove the repository."""
        self._reader.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def look(self) -> str:
        """Ask for the branch's tip; raises RemoteUnreachable, Denied, GitError without one."""
        asking = Git(self._directory, self._git.environment)
        self.looks += 1
        seen = look(
            asking, self.url, self._ref, timeout=self._left(_SECONDS), fallback=f"{HEADS}main"
        )
        self._ref = seen.ref
        if seen.commit is None:
            raise GitError(
                f"{redacted(self.url)} has no branch {seen.ref.removeprefix(HEADS)}",
                hint="has it been renamed or deleted?",
            )
        self._tip, self._looked_at = seen.commit, time.monotonic()
        return seen.commit

    def bring(self, commit: str) -> str:
        """Make sure that the tip seen by `look` is here; return the tip as it is by then."""
        self._make()
        if self._reader.commit(commit) is not None:
            return commit
        if len(list(self._path.glob("objects/pack/*.pack"))) > _MAX_PACKS:
            self._forget()
            self._make()
        self.fetches += 1
        fetch(
            self._git,
            self.url,
            f"+{self._ref}:{_OWN}",
            options=["--depth=1"],
            timeout=self._left(_SECONDS),
        )
        self._reader.close()  # it does not look for packs that came later
        self._tip = self._git.run("rev-parse", "--verify", _OWN).text
        return self._tip

    def snapshot(self, commit: str, only: Collection[str] | None = None) -> Snapshot:
        """Return the repository at a commit that is here; `only` limits the environments."""
        return commit_snapshot(self._reader, commit, only=only)

    def files_below(
        self, commit: str | None, directory: str, *, staged: bool = False
    ) -> Mapping[str, bytes]:
        """Return the files below a directory at a commit: path from the root → content.

        A pack of an earlier run may lack some of it; then it is fetched. Raises InvalidState.
        """
        assert commit is not None
        assert not staged
        with self._reading:  # of environments that are visited at once
            self._directories.add(directory)
            if self._packed:
                with suppress(GitError):
                    if files := committed_files(self._reader, commit, directory):
                        return files
                self._forget()
                self.bring(commit)
                self.commit(commit)
            return committed_files(self._reader, commit, directory)

    def tracked_files(self, commit: str, paths: Iterable[str]) -> Content:
        """Return files and what is below directories at a commit, with their modes.

        Raises InvalidState, also for a path that is not there.
        """
        from gitops_cli.state.trees import tracked_files  # few agents run steps

        wanted = tuple(paths)
        with self._reading:
            self._directories.update(wanted)
            if self._packed:
                with suppress(GitError, InvalidState):
                    return tracked_files(self._reader, commit, wanted)
                self._forget()
                self.bring(commit)
                self.commit(commit)
            return tracked_files(self._reader, commit, wanted)

    def commit(self, commit: str) -> Commit:
        """Return a commit that is here."""
        found = self._reader.commit(commit)
        if found is None:
            raise GitError(f"commit {commit} is not here")
        return found

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`; None: history is cut, nobody can tell here.

        Only `newest_trusted` brings history. Without it no process is started to ask in vain.
        """
        if older == newer:
            return True
        if not self._has_history or not (is_commit(older) and is_commit(newer)):
            return None
        done = self._git.run("merge-base", "--is-ancestor", "--", older, newer)
        if done.code == 0:
            return True
        # Both may be here and the way between them cut off: then a `no` proves nothing.
        cut = (self._path / "shallow").exists()
        return False if done.code == 1 and not cut else None

    def is_still_tip(self, commit: str) -> bool:
        """Tell whether the remote's tip is this commit.

        It is asked where we looked a while ago: this process was stopped, or the API server slow.
        """
        if time.monotonic() - self._looked_at > _FRESH:
            self.look()
        return self._tip == commit

    def tip(self, *, require_remote: bool = True) -> Tip:
        """Return the tip as the remote has it now."""
        commit = self.look()
        return Tip(commit, None, fresh=True)

    def pack(self, commit: str, environment: str) -> bytes:
        """Return a pack of all that one environment at a commit needs, as far as it was read."""
        wanted_paths = ["gitops.toml", environment, *sorted(self._directories)]
        listed = self._run("ls-tree", "-rtz", "--full-tree", commit, "--", *wanted_paths)
        lines = [line.partition("\t")[0].split(" ") for line in listed.split("\0") if line]
        tree = self._run("rev-parse", "--verify", f"{commit}^{{tree}}")
        oids = [commit, tree, *(oid for _, kind, oid in lines if kind != "commit")]
        wanted = "".join(f"{oid}\n" for oid in oids).encode()
        done = self._git.run("pack-objects", "--stdout", "-q", stdin=wanted)
        if done.code != 0:
            raise failure(done, "cannot pack the state")
        return done.out

    def unpack(self, pack: bytes, commit: str, environment: str) -> None:
        """Take one environment's snapshot at a commit from a pack of an earlier run.

        One that is damaged or lacks something is as good as none. Whoever wrote it: git names
        objects by their content, so it cannot make a commit whose hash the remote announced mean
        anything else.
        """
        self._make()
        self._git.run("unpack-objects", "-q", stdin=pack)
        if self._reader.commit(commit) is None:
            return
        try:
            self.snapshot(commit, only=(environment,))
            self._packed = True
        except GitError:
            self._forget()

    def may_push(self, commit: str) -> bool:
        """Tell whether the remote would let us write: a deploy key should not."""
        done = self._git.run(
            "push",
            "--dry-run",
            "--porcelain",
            "--no-verify",
            "--",
            self.url,
            f"{commit}:refs/heads/gitops-agent-may-not-push",
            timeout=self._left(_SECONDS),
        )
        return done.code == 0

    def newest_trusted(
        self, tip: str, *, ssh_signers: Path | None, keyring: Path | None
    ) -> str | None:
        """Return the newest commit on the way back from `tip` with a good signature.

        `ssh_signers` is an allowed_signers file, `keyring` a GPG home directory. Fetches history
        step by step; None if there is no such commit among the last few thousand.
        """
        git = self._git.with_environment(**({"GNUPGHOME": str(keyring)} if keyring else {}))
        signers = [] if ssh_signers is None else ["-c", f"gpg.ssh.allowedSignersFile={ssh_signers}"]
        seen = 0
        for depth in (1, *_STEPS):
            if depth > 1:
                fetch(
                    self._git,
                    self.url,
                    f"+{tip}:{_OWN}",
                    options=[f"--depth={depth}"],
                    timeout=self._left(_SECONDS),
                )
                self._has_history = True
                self._reader.close()
            commits = self._run("rev-list", "--first-parent", tip).split()
            for commit in commits[seen:]:
                if _is_good(git, signers, commit):
                    return commit
            if len(commits) < depth:  # that was the whole history
                return None
            seen = len(commits)
        return None

    @property
    def _path(self) -> Path:
        return self._directory / "tip.git"

    def _forget(self) -> None:
        self._reader.close()
        self._has_history = self._packed = False
        shutil.rmtree(self._path)

    def _make(self) -> None:
        if (self._path / "HEAD").exists():
            return
        self._reader.close()
        making = Git(self._directory, self._git.environment)
        done = making.run("init", "--quiet", "--bare", "--template=", str(self._path))
        if done.code != 0:
            raise failure(done, "cannot make a repository for the state")

    def _run(self, *arguments: str) -> str:
        done = self._git.run(*arguments)
        if done.code != 0:
            raise failure(done, f"git {arguments[0]}")
        return done.text


def _is_good(git: Git, options: list[str], commit: str) -> bool:
    # Of a GPG key it says only that it is in the keyring, which is what allowed means here.
    return git.run(*options, "verify-commit", "--raw", commit).code == 0
