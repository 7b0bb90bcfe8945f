"""Pushes one commit as a compare-and-swap, and tells what became of it.

Recognised from exit status and the flags of `--porcelain`, never from git's English.
"""

from __future__ import annotations

from enum import Enum

from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.failures import remote_said, spoken
from gitops_cli.git.patience import insist
from gitops_cli.git.process import Done, Git
from gitops_cli.git.remote import check_url
from gitops_cli.git.trust import NAMED_BARE
from gitops_cli.state.location import Location


class PushOutcome(Enum):
    """What a push did, as far as it alone can tell."""

    ACCEPTED = "accepted"
    MOVED = "moved"  # the remote's tip is another one
    REJECTED = "rejected"  # a rule, or a race lost under the server's lock
    REFUSED_HERE = "refused here"  # the user's own pre-push hook, or a setting
    UNKNOWN = "unknown"  # the connection failed: perhaps before, perhaps after


class Pushed(NamedTuple):
    """The outcome, and the words of git, the server and its hooks."""

    outcome: PushOutcome
    reason: str = ""
    done: Done | None = None


def push(
    git: Git,
    url: str,
    ref: str,
    *,
    new: str,
    old: str | None,
    timeout: float,
    patiently: bool = False,
) -> Pushed:
    """Push `new` to `ref` if the remote's `ref` is still `old` (None: does not exist).

    `patiently`: again while the server drops new connections, for who does not look in between.
    """
    command = (
        "push",
        "--porcelain",
        "--no-progress",
        "--no-follow-tags",
        "--no-recurse-submodules",
        f"--force-with-lease={ref}:{old or ''}",
        "--",
        check_url(url),
        f"{new}:{ref}",
    )

    # What we tell git its pre-push hook inherits, and that hook may look at bare repositories.
    hooked = git._replace(options=(*git.options, *NAMED_BARE))

    def run(seconds: float) -> Done:
        return hooked.run_within(seconds, *command)

    done = insist(run, timeout=timeout) if patiently else run(timeout)
    return judge(done, ref, over_http=url.lower().startswith(("http:", "https:")))


def judge(done: Done, ref: str, *, over_http: bool = False) -> Pushed:
    """Read a finished push (git-push(1), section OUTPUT).

    Without a line about our ref, status 1 is the user's own pre-push hook; but git's http helper
    also ends so when the connection breaks.
    """
    line = _line_of(done.text, ref)
    if done.code == 0:
        # "=": somebody made the very same commit in the same second, and theirs is there already.
        return Pushed(
            PushOutcome.MOVED if line is not None and line[0] == "=" else PushOutcome.ACCEPTED
        )
    if line is not None:
        flag, summary = line
        if flag != "!":
            # git says that the ref was updated, and failed afterwards.
            return Pushed(PushOutcome.UNKNOWN, spoken(done.err), done)
        if summary.startswith("[rejected]"):
            return Pushed(PushOutcome.MOVED, summary, done)
        if summary.startswith("[remote rejected]"):
            said = remote_said(done.err)
            return Pushed(PushOutcome.REJECTED, f"{summary}\n{said}".strip(), done)
        return Pushed(PushOutcome.UNKNOWN, summary, done)
    if done.code == 1:
        outcome = PushOutcome.REJECTED if over_http else PushOutcome.REFUSED_HERE
        return Pushed(outcome, spoken(done.err), done)
    return Pushed(PushOutcome.UNKNOWN, spoken(done.err), done)


def swap(location: Location, ref: str, *, new: str, old: str | None) -> Pushed:
    """Do the same to a branch of a repository without remotes; raises Blocked.

    Checks first that the checkout could follow, because there is no way back afterwards.
    """
    from gitops_cli.state.fast_forward import check_worktree  # of a branch without a remote

    check_worktree(location, new, old)
    absent = "0" * len(new)
    done = location.git.run("update-ref", "-m", "gitops", ref, new, old or absent)
    if done.code == 0:
        return Pushed(PushOutcome.ACCEPTED)
    return Pushed(PushOutcome.REJECTED, spoken(done.err), done)


def _line_of(out: str, ref: str) -> tuple[str, str] | None:
    """Return flag and summary of `FLAG<TAB>FROM:TO<TAB>SUMMARY` for our ref."""
    for line in out.split("\n"):
        flag, _, rest = line.partition("\t")
        names, tab, summary = rest.partition("\t")
        if tab and len(flag) == 1 and names.endswith(f":{ref}"):
            return flag, summary
    return None
