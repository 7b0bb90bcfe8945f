"""Writes a proposal on a branch of its own, for somebody to review and merge.

The branch always is one commit on the tip of the state: a repeated proposal replaces the one
before, so that an open pull request follows; never a commit that somebody added. The state itself
is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitops_cli.domain.change.proposal import Actor, Edit, Proposal, Written
from gitops_cli.domain.errors import GitOpsError, PushRefused, RetriesExhausted
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import one_line, redacted, visible
from gitops_cli.git.config import Config
from gitops_cli.git.failures import failure
from gitops_cli.git.objects import ObjectReader
from gitops_cli.git.remote import HEADS, check_ref, fetch, tip_of
from gitops_cli.state.branches import Branch
from gitops_cli.state.commit import build_commit, effective_edits, identity
from gitops_cli.state.push import Pushed, PushOutcome, push
from gitops_cli.state.snapshots import commit_snapshot

_MOST = 100  # commits of a branch, and paths of one, that are looked at
_TRIES = 5  # somebody else may propose the same at this moment


def write_aside(
    name: str,
    propose: Callable[[Snapshot], Proposal],
    *,
    branch: Branch,
    reader: ObjectReader,
    config: Config,
    environment: Mapping[str, str],
    actor: Actor | None,
    timeout: float,
) -> Written:
    """Make `name` the one commit that `propose` makes of the tip; says if it was so already."""
    ref = check_ref(f"{HEADS}{name}")
    tip = branch.look(timeout=timeout, for_push=True)
    proposal = propose(commit_snapshot(reader, tip))
    edits = effective_edits(reader, tip, proposal.edits)
    if not edits and not proposal.moves:
        return Written(tip, False, tip, proposal, 0)
    who = identity(branch.git, config, environment, actor)
    new = build_commit(branch.git, reader, tip, edits, proposal, who)
    for attempt in range(1, _TRIES + 1):
        there = _existing(branch, reader, ref, timeout)
        if there is not None and _says_the_same(branch, there, new):
            return Written(there, False, tip, proposal, attempt)
        if there is not None and (others := _others(branch, reader, there, tip)) is not None:
            raise _added(name, others, branch)
        pushed = _offer(branch, ref, new, there, timeout)
        if pushed.outcome is PushOutcome.ACCEPTED:
            return Written(new, True, tip, _with(proposal, edits), attempt)
        lost = pushed.outcome is PushOutcome.MOVED or (
            # A rule, or a race lost under the server's lock: then the branch is another now.
            pushed.outcome is PushOutcome.REJECTED
            and _existing(branch, reader, ref, timeout) != there
        )
        if not lost:
            raise _error(pushed, branch)
    raise RetriesExhausted(f"{name} kept moving", hint="repeat the command")


def _with(proposal: Proposal, edits: tuple[Edit, ...]) -> Proposal:
    return proposal._replace(edits=edits)


def _existing(branch: Branch, reader: ObjectReader, ref: str, timeout: float) -> str | None:
    """Return what the branch is now, with its objects here."""
    if branch.local is not None:
        done = branch.git.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return done.text if done.code == 0 else None
    there = tip_of(branch.git, branch.push_url, ref, timeout=timeout)
    if there is not None and reader.commit(there) is None:
        fetch(branch.git, branch.push_url, ref, timeout=timeout)
    return there


def _says_the_same(branch: Branch, one: str, other: str) -> bool:
    """Tell whether two commits have the same content and the same parents."""
    if one == other:  # made within one second; git would show them once
        return True
    shown = branch.git.run("show", "-s", "--format=%T %P", one, other).text.split("\n")
    return len(shown) == 2 and shown[0] == shown[1]


def _others(branch: Branch, reader: ObjectReader, there: str, tip: str | None) -> Commit | None:
    """Return the newest commit on the branch that is no proposal, and that the tip has not."""
    beyond = [] if tip is None else [f"^{tip}"]
    listed = branch.git.run("rev-list", "--no-merges", f"--max-count={_MOST}", there, *beyond, "--")
    for name in listed.text.split():
        found = reader.commit(name)
        if found is not None and "Gitops-Action" not in found.trailers:
            return found if _brings(branch, found.hash, there, tip) else None
    return None


def _brings(branch: Branch, commit: str, there: str, tip: str | None) -> bool:
    """Tell whether what a commit changed is not in the tip yet: a squash has it as another one."""
    named = ("diff-tree", "--no-commit-id", "--name-only", "-r", "-z", "--root", commit)
    done = branch.git.run(*named)
    paths = [path for path in done.text.split("\0") if path]
    if tip is None or done.code != 0 or len(paths) > _MOST:
        return True
    both = ("--literal-pathspecs", "diff-tree", "-r", "--quiet", tip, there, "--", *paths)
    return bool(paths) and branch.git.run(*both).code != 0


def _added(name: str, commit: Commit, branch: Branch) -> PushRefused:
    who, what = one_line(commit.author.name), one_line(commit.subject)[:100]
    where = f"push {redacted(branch.push_url)} --delete" if branch.local is None else "branch -D"
    return PushRefused(
        f"{name} has a commit that another proposal would take away: "
        f"{commit.hash[:7]} {what} ({who})",
        hint=f"let it be merged first; if nobody wants it: `git {where} {name}`",
    )


def _offer(branch: Branch, ref: str, new: str, old: str | None, timeout: float) -> Pushed:
    if branch.local is None:
        url = branch.push_url
        return push(branch.git, url, ref, new=new, old=old, timeout=timeout, patiently=True)
    absent = "0" * len(new)
    done = branch.git.run("update-ref", "-m", "gitops: propose", ref, new, old or absent)
    return Pushed(PushOutcome.ACCEPTED if done.code == 0 else PushOutcome.MOVED, done=done)


def _error(pushed: Pushed, branch: Branch) -> GitOpsError:
    url = redacted(branch.push_url)
    if pushed.outcome is PushOutcome.UNKNOWN and pushed.done is not None:
        return failure(pushed.done, f"cannot push to {url}", remote=url)
    said = visible(pushed.reason) or "no reason given"
    return PushRefused(f"{url} refused the push: {said}", hint="ask who may push branches there")
