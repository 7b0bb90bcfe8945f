"""Lets the user's branch and files follow a write, after it was accepted and only if safe."""

from __future__ import annotations

from pathlib import Path

from gitops_cli.domain.errors import Blocked
from gitops_cli.git.failures import spoken
from gitops_cli.git.process import text_of
from gitops_cli.git.remote import HEADS
from gitops_cli.state.location import Location, read_head

# git's own marks of something unfinished. In the middle of a rebase `merge --ff-only` would go
# ahead and move HEAD.
_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "sequencer": "a cherry-pick or revert",
}


def fast_forward(location: Location, new: str) -> tuple[str, ...]:
    """Bring the branch checked out to `new`; returns a note where it had to stay."""
    head = location.head
    if head is None or _head_now(location) != head:
        return ()
    branch = head.removeprefix(HEADS)
    if (reason := _unfinished(location.git_dir)) or (reason := _modified(location)):
        return (f"your branch {branch} stays where it is: {reason}; `git pull` later",)
    done = location.git.run(
        "merge", "--ff-only", "--quiet", "--no-autostash", "--no-stat", "--end-of-options", new
    )
    if done.code == 0:
        return ()
    said = spoken(done.err).removeprefix("fatal: ") or "git merge --ff-only failed"
    return (f"your branch {branch} stays where it is: {said}",)


def _unfinished(git_dir: Path) -> str | None:
    for mark, what in _UNFINISHED.items():
        if (git_dir / mark).exists():
            return f"{what} is under way"
    return None


def _modified(location: Location) -> str | None:
    """Return which tracked file is modified or staged, if one is."""
    done = location.git.run(
        "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"
    )
    if done.code != 0:
        return "git status failed"
    if not done.out:
        return None
    first = done.text.split("\0")[0][3:]
    return f"{first} is modified"


def check_worktree(location: Location, new: str, old: str | None) -> None:
    """Make sure that the checkout can follow its branch to `new`; raises Blocked.

    For repositories without a remote, where the branch checked out is the one to be written.
    """
    if (elsewhere := _other_checkout(location)) is not None:
        raise Blocked(
            f"{location.head} is checked out in another working tree: {elsewhere}",
            hint=f"run the command there: gitops -C {elsewhere} …",
        )
    if location.worktree is None or _head_now(location) != location.head:
        return
    done = location.git.run("read-tree", "-m", "-u", "-n", *_two_trees(location, new, old))
    if done.code != 0:
        raise Blocked(
            f"your checkout is in the way: {spoken(done.err)}",
            hint="commit or stash it: without a remote, your branch is the state itself",
        )


def _other_checkout(location: Location) -> Path | None:
    """Return a linked working tree (or the main one) whose files would fall behind."""
    linked = (location.common_dir / "worktrees").glob("*/HEAD")
    main = [] if location.common_dir.name != ".git" else [location.common_dir / "HEAD"]
    for head in (*linked, *main):
        if head.parent == location.git_dir or text_of(head.read_bytes()) != f"ref: {location.head}":
            continue
        if head.parent == location.common_dir:
            return location.common_dir.parent
        return Path(text_of((head.parent / "gitdir").read_bytes())).parent
    return None


def update_worktree(location: Location, new: str, old: str | None) -> tuple[str, ...]:
    """Bring index and files from `old` to `new`, keeping everything else in them."""
    if location.worktree is None or _head_now(location) != location.head:
        return ()
    done = location.git.run("read-tree", "-m", "-u", *_two_trees(location, new, old))
    if done.code == 0:
        return ()
    return (f"your files did not follow: {spoken(done.err)}; `git restore` them",)


def _head_now(location: Location) -> str | None:
    return read_head(location.git, location.git_dir)


def _two_trees(location: Location, new: str, old: str | None) -> tuple[str, ...]:
    if old is not None:
        return (old, new)
    empty = location.git.run("hash-object", "-t", "tree", "-w", "--stdin", stdin=b"")
    return (empty.text, new)
