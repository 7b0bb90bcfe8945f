"""Reads a remote by URL: its tip, and the objects that are missing here.

By URL and not by name, because then git writes objects and nothing else: no ref, no FETCH_HEAD.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gitops_cli.domain.errors import GitError, RemoteUnreachable, TimedOut
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.git.failures import failure
from gitops_cli.git.patience import insist
from gitops_cli.git.process import Done, Git

HEADS = "refs/heads/"

# What git-check-ref-format(1) forbids, as far as it could lead out of a directory or be read as
# something else than a name.
_FORBIDDEN = r"\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\]|//|/\.|\.lock(/|\Z)|/\Z|\.\Z"


class Seen(NamedTuple):
    """What a remote says: its branch, and that branch's commit (None: it has none yet)."""

    ref: str
    commit: str | None


def look(git: Git, url: str, ref: str | None, *, timeout: float, fallback: str) -> Seen:
    """Return the remote's tip of `ref`, without `ref` that of the branch its HEAD names.

    `fallback` is the branch of a remote that has no commits and does not name one.
    Raises RemoteUnreachable or Denied.
    """
    if ref is not None:
        return Seen(ref, _refs(_ls_remote(git, url, ref, timeout=timeout)).get(ref))
    done = _ls_remote(git, url, "HEAD", timeout=timeout)
    refs, head = _refs(done), _symbolic_head(done)
    if "HEAD" in refs and head is not None:
        return Seen(head, refs["HEAD"])
    # HEAD names a branch that does not exist (yet): take ours, or the only one.
    branches = _refs(_ls_remote(git, url, f"{HEADS}*", timeout=timeout))
    if not branches:
        return Seen(head or fallback, None)
    if fallback in branches or len(branches) > 1:
        return Seen(fallback, branches.get(fallback))
    return Seen(*branches.popitem())


def _ls_remote(git: Git, url: str, pattern: str, *, timeout: float) -> Done:
    doing = f"cannot read {redacted(url)}"
    # The pattern filters what has come already, this what is sent: a forge has refs by the thousand
    # for pull requests.
    sent = ("--heads",) if pattern.startswith(HEADS) else ("--symref",)
    words = ("ls-remote", *sent, "--", url, pattern)
    try:
        done = insist(lambda left: git.run(*words, timeout=left), timeout=timeout)
    except TimedOut as error:
        raise RemoteUnreachable(f"{doing}: no answer within {timeout:.0f} s") from error
    if done.code != 0:
        raise failure(done, doing, remote=url)
    return done


def _refs(done: Done) -> dict[str, str]:
    lines = (line.partition("\t") for line in done.text.split("\n"))
    return {name: oid for oid, _, name in lines if name and not oid.startswith("ref: ")}


def _symbolic_head(done: Done) -> str | None:
    for line in done.text.split("\n"):
        target, _, name = line.partition("\t")
        if name == "HEAD" and target.startswith(f"ref: {HEADS}"):
            return check_ref(target.removeprefix("ref: "))
    return None


def fetch_tip(git: Git, url: str, ref: str, *, rewritten: bool, timeout: float) -> str | None:
    """Bring a branch's objects here and return its commit, over one connection.

    `git fetch` tells what it fetched by writing a ref or FETCH_HEAD only; fetch-pack prints it.
    None where that does not work: over http, or without such a branch. `rewritten`: git has
    `insteadOf` settings, which fetch-pack does not know.

    Raises RemoteUnreachable, Denied, GitError.
    """
    if rewritten:
        url = git.run("ls-remote", "--get-url", "--", url).text
    if not re.match(r"/|file:|ssh:|git:|[^-:/][^:/]*:(?!//|:)", url):
        return None
    words = ("fetch-pack", "--keep", "--quiet", "--no-progress", url, ref)
    doing = f"cannot fetch from {redacted(url)}"
    unlocked = ("-c", "fetch.unpackLimit=0", "-c", "transfer.unpackLimit=0")  # no *.keep stays
    try:
        done = insist(lambda left: git.run(*unlocked, *words, timeout=left), timeout=timeout)
    except TimedOut as error:
        raise RemoteUnreachable(f"{doing}: not done within {timeout:.0f} s") from error
    if done.code != 0:
        if "no such remote ref" in done.err:
            return None
        raise failure(done, doing, remote=url)
    oid, _, name = done.text.rpartition("\n")[2].partition(" ")
    return oid if name == ref else None


def check_ref(ref: str) -> str:
    """Return the name of a branch, or raise GitError for one that git itself would not make."""
    if not ref.startswith(HEADS) or re.search(_FORBIDDEN, ref):
        raise GitError(f"`{one_line(ref)}` is not the name of a branch")
    return ref


def fetch(git: Git, url: str, refspec: str, *options: str, timeout: float) -> None:
    """Bring a ref's objects here; writes nothing else unless `refspec` names a target.

    Raises RemoteUnreachable, Denied or GitError (such as a full disk).
    """
    doing = f"cannot fetch from {redacted(url)}"
    try:
        # Always a pack: it appears at once, where loose objects of a killed fetch could be a
        # commit without its trees.
        done = insist(
            lambda left: git.run(
                "-c",
                "fetch.unpackLimit=1",
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--no-prune",
                "--no-auto-maintenance",
                "--no-write-commit-graph",
                "--no-show-forced-updates",
                *options,
                "--",
                url,
                refspec,
                timeout=left,
            ),
            timeout=timeout,
        )
    except TimedOut as error:
        raise RemoteUnreachable(f"{doing}: not done within {timeout:.0f} s") from error
    if done.code != 0:
        raise failure(done, doing, remote=url)
