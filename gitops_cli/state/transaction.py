"""The one write transaction: propose, build, push as a compare-and-swap, and again if need be.

docs/decisions/0003-write-transaction.md says why it is built like this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from gitops_cli.domain.change.proposal import Actor, Edit, Proposal, Written
from gitops_cli.domain.errors import (
    Denied,
    GitError,
    GitOpsError,
    Interrupted,
    PushRefused,
    RemoteMissing,
    RemoteUnreachable,
    RetriesExhausted,
)
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import plural, redacted, visible
from gitops_cli.git.config import Config
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.patience import chance
from gitops_cli.state.branches import Branch, written_ref
from gitops_cli.state.commit import CommitIdentity, build_commit, effective_edits, identity
from gitops_cli.state.push import Pushed, PushOutcome, push, swap
from gitops_cli.state.snapshots import commit_snapshot

Propose = Callable[[Snapshot], Proposal]

_SPAN, _CAP = 0.5, 20.0  # seconds; full jitter over 0.5·2ⁿ lost the least time with 50 writers
_SLOW = 10  # attempts that take long (a busy ssh server) are as many times further apart, at most
_REJECTIONS = 3  # of an unmoved tip: a lost race shows as one before the winner's ref is visible
_LINE, _SAME = 100, 30.0  # characters of a reason to wait; seconds before it is said again
_LEAST = 10.0  # seconds any single connection gets, however little is left


class Transaction:
    """One write: what it works on, and what happened so far.

    `doubt` is asked where the remote cannot be: perhaps waiting for it would be in vain.
    """

    def __init__(
        self,
        *,
        branch: Branch,
        reader: ObjectReader,
        config: Config,
        environment: Mapping[str, str],
        propose: Propose,
        actor: Actor | None,
        timeout: float,
        notify: Callable[[str], None],
        doubt: Callable[[GitOpsError], GitOpsError] = lambda error: error,
    ) -> None:
        self.branch = branch
        self.reader = reader
        self.config = config
        self.environment = environment
        self.propose = propose
        self.actor = actor
        self.timeout = timeout
        self.notify = notify
        self.doubt = doubt
        self.begun = time.monotonic()  # talking to the remote, this time
        self.deadline = self.begun + timeout
        self.tip: str | None = None
        self.looked = False  # whether the tip was read from the remote within this transaction
        self.attempts = 0
        self.failures = 0
        self.rejections = 0
        self.races = 0
        self.told: dict[str, float] = {}
        self.who: CommitIdentity | None = None
        self.unknown: list[tuple[str, str | None, Proposal]] = []

    def run(self, known: str | None) -> Written:
        """Write, on `known` as the first guess of the tip; the push is what checks it."""
        self.tip = known or self.branch.last_known()
        if self.tip is None:
            self._look()
        while True:
            proposal, edits = self._prepared()
            if not edits and not proposal.moves:
                return Written(self.tip, False, self.tip, proposal, self.attempts)
            parent, new = self.tip, self._commit(proposal, edits)
            pushed = self._offer(new)
            if pushed.outcome is PushOutcome.ACCEPTED:
                return self._written(new, parent, proposal)
            if pushed.outcome in {PushOutcome.UNKNOWN, PushOutcome.REJECTED}:
                self.unknown.append((new, parent, proposal))
            self._after(pushed)
            for arrived in self.unknown:
                if self.tip is not None and self._contains(self.tip, arrived[0]):
                    return self._written(*arrived)

    def _prepared(self) -> tuple[Proposal, tuple[Edit, ...]]:
        """Return the intent on the tip, and what of it changes anything.

        Neither "nothing to do" nor a refusal is believed of a tip that was only remembered.
        """
        while True:
            certain, remembered = self.looked, self.tip
            try:
                proposal = self.propose(commit_snapshot(self.reader, self.tip))
                edits = effective_edits(self.reader, self.tip, proposal.edits)
            except GitOpsError:
                if certain:
                    raise
                self._look()
                continue
            if edits or proposal.moves or certain:
                return proposal, edits
            self._look()
            if self.tip == remembered:  # what was computed was of the real tip
                return proposal, edits

    def _commit(self, proposal: Proposal, edits: tuple[Edit, ...]) -> str:
        if self.who is None:
            self.who = identity(self.branch.git, self.config, self.environment, self.actor)
        return build_commit(self.branch.git, self.reader, self.tip, edits, proposal, self.who)

    def _offer(self, new: str) -> Pushed:
        """Try to make `new` the tip in place of ours."""
        self.attempts += 1
        self.begun = time.monotonic()
        ref, old = written_ref(self.branch), self.tip
        if self.branch.local is not None:
            return swap(self.branch.local, ref, new=new, old=old)
        url, left = self.branch.push_url, self._left()
        try:
            return push(self.branch.git, url, ref, new=new, old=old, timeout=left)
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"interrupted during the push: {new[:12]} may have arrived",
                hint="look with `gitops history`",
            ) from error

    def _written(self, new: str, parent: str | None, proposal: Proposal) -> Written:
        try:
            notes = self.branch.accepted(new, parent)
        except (GitOpsError, OSError) as error:  # it is written, whatever this machine lacks now
            notes = (f"your branch stays where it is: {error}; `git pull` later",)
        return Written(new, True, parent, proposal, self.attempts, notes)

    def _after(self, pushed: Pushed) -> None:
        """Find the tip to try on next; raises where another try is pointless."""
        if pushed.outcome is PushOutcome.REFUSED_HERE:
            said = pushed.reason or "no reason given"
            hint = "a pre-push hook of yours, or a setting of git"
            if "matches more than one" in said:
                whole = written_ref(self.branch)
                hint = (
                    f"a branch or tag there has `{whole}` as its name, and has to go: git ls-remote"
                )
            raise PushRefused(f"the push was stopped on this machine: {said}", hint=hint)
        error = self._error(pushed)
        if pushed.outcome is PushOutcome.UNKNOWN and not isinstance(error, RemoteUnreachable):
            raise error
        if self.looked or pushed.outcome is not PushOutcome.MOVED:
            self._wait(error)  # but not because the clone was stale from the start
        old = self.tip
        self._look()
        if self.tip != old:
            self.races += 1
        elif pushed.outcome is not PushOutcome.UNKNOWN:
            self._count_rejection(pushed)

    def _count_rejection(self, pushed: Pushed) -> None:
        """Give up after some rejections, but not because of a lock that will go."""
        from gitops_cli.git.locking import blocking_locks, remove_dead

        local = self.branch.local
        repository = self.branch.push_url if local is None else str(local.common_dir)
        locks = blocking_locks(repository, written_ref(self.branch))
        if locks and time.monotonic() < self.deadline:
            gone = [remove_dead(lock) for lock in locks]
            if not all(gone):
                self.notify(f"waiting for {locks[0]}, which another git left or holds")
            return
        self.rejections += 1
        if self.rejections >= _REJECTIONS or locks:
            raise self._refusal(pushed)

    def _error(self, pushed: Pushed) -> GitOpsError:
        """Return what to raise if time runs out after this push."""
        url = redacted(self.branch.push_url)
        if pushed.outcome is PushOutcome.UNKNOWN and pushed.done is not None:
            return failure(pushed.done, f"cannot push to {url}", remote=url)
        if pushed.outcome is PushOutcome.REJECTED and self.races == 0:
            return self._refusal(pushed)
        return RetriesExhausted(
            f"{self.branch.ref} kept moving: {plural(self.attempts, 'attempt')} within "
            f"{self.timeout:.0f} s, and others were faster each time",
            hint="repeat the command, or give it more time with --timeout",
        )

    def _refusal(self, pushed: Pushed) -> GitOpsError:
        said = visible(pushed.reason) or "no reason given"
        if self.branch.local is not None:
            return GitError(f"cannot update {self.branch.ref}: {said}")
        return PushRefused(
            f"{redacted(self.branch.push_url)} refused the push: {said}",
            hint="ask who may push there; where the branch is protected, --pr opens a pull request "
            "instead, for all but lock, unlock and approve",
        )

    def _look(self) -> None:
        """Read the real tip, however long the remote takes to answer; raises after the time."""
        while True:
            try:
                tip = self.branch.look(timeout=self._left(), for_push=True)
            except (RemoteMissing, Denied) as error:
                raise self._at_the_end(self._instead(error)) from error
            except RemoteUnreachable as error:
                if (instead := self._instead(error)) is not error:
                    raise instead from error
                self._wait(error)
                continue
            if tip is None and self.tip is not None:
                raise GitError(
                    f"{self.branch.ref} does not exist at the remote any more",
                    hint=f"was it deleted or renamed? its last commit here was {self.tip}",
                )
            self.tip, self.looked = tip, True
            return

    def _instead(self, error: GitOpsError) -> GitOpsError:
        """Return what is the matter if the first look fails; the error itself but for a doubt."""
        is_first = not self.looked and not self.attempts and not self.failures
        return self.doubt(error) if is_first else error

    def _wait(self, error: GitOpsError) -> None:
        """Sleep before the next try, the longer the more tries failed; out of time raises."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self._at_the_end(error)
        took = time.monotonic() - self.begun
        most = min(max(_CAP, _SLOW * took), max(_SPAN, took) * 2**self.failures)
        delay = min(chance() * most, left)
        self.failures += 1
        if delay > 1:
            self._tell(error, delay)
        time.sleep(delay)
        self.begun = time.monotonic()

    def _tell(self, error: GitOpsError, delay: float) -> None:
        """Say why there is a wait, in a line; the same again only after a while."""
        reason = error.message.partition("\n")[0]
        if isinstance(error, RetriesExhausted):
            reason = "others are writing too"
        if len(reason) > _LINE:
            reason = f"{reason[: _LINE - 1]}…"
        again = self.told.get(reason, float("-inf")) + _SAME
        if time.monotonic() >= again:
            self.told[reason] = time.monotonic()
            self.notify(f"{reason}; trying again in {delay:.0f} s")

    def _at_the_end(self, error: GitOpsError) -> GitOpsError:
        if not self.unknown or not isinstance(error, RemoteUnreachable | Denied):
            return error
        new = self.unknown[-1][0]
        return type(error)(
            f"{error.message}; the connection broke during a push: {new[:12]} may have arrived",
            hint="look with `gitops history`, or repeat the command: it does nothing twice",
        )

    def _left(self) -> float:
        return max(_LEAST, self.deadline - time.monotonic())

    def _contains(self, tip: str, commit: str) -> bool:
        return self.branch.git.run("merge-base", "--is-ancestor", "--", commit, tip).code == 0
