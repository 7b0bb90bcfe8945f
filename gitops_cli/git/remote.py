"""Reads a remote by URL: its tip, and the objects that are missing here.

By URL and not by name, because then git writes objects and nothing else: no ref, no FETCH_HEAD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import GitError, RemoteUnreachable, TimedOut, UsageError
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.failures import failure
from gitops_cli.git.patience import insist
from gitops_cli.git.process import Done, Git

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch

HEADS = "refs/heads/"
TAGS = "refs/tags/"

# What git-check-ref-format(1) forbids, as far as it could lead out of a directory or be read as
# something else than a name.
_FORBIDDEN = r"\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\]|//|/\.|\.lock(/|\Z)|/\Z|\.\Z"


class Seen(NamedTuple):
    """What a remote says: its branch, and that branch's commit (None: it has none yet)."""

    ref: str
    commit: str | None


def look(git: Git, url: str, ref: str | None, *, timeout: float, fallback: str) -> Seen:
    """Return the remote's tip of `ref`, without `ref` that of the branch its HEAD names.

    `fallback` is the branch of a remote that has no commits and does not name one. Only where
    there are no branches at all is there no commit: a branch that vanished is none to be begun.
    Raises RemoteUnreachable, Denied or GitError.
    """
    done = _ls_remote(git, url, ref or "HEAD", timeout=timeout)
    refs, head = _refs(done), _symbolic_head(done)
    if ref is not None and ref in refs:
        return Seen(ref, refs[ref])
    if ref is None and "HEAD" in refs and head is not None:
        return Seen(head, refs["HEAD"])
    # HEAD names a branch that does not exist (yet): take ours, or the only one.
    branches = _refs(_ls_remote(git, url, f"{HEADS}*", timeout=timeout))
    if not branches:
        return Seen(ref or head or fallback, None)
    if ref is None and fallback in branches:
        return Seen(fallback, branches[fallback])
    if ref is None and len(branches) == 1:
        return Seen(*branches.popitem())
    default = head or _symbolic_head(_ls_remote(git, url, "HEAD", timeout=timeout))
    raise _gone(url, ref or fallback, default if default in branches else None, branches)


def _gone(url: str, ref: str, default: str | None, branches: Iterable[str]) -> GitError:
    gone, found = _short(ref), _short(default or next(iter(branches)))
    said = f"its default is {found}" if default else f"it has {found}, and no default"
    return GitError(
        f"{redacted(url)} has no branch {gone}; {said}",
        hint=f"was it renamed or deleted? In a clone: git fetch --prune; git switch {found}",
    )


def _short(ref: str) -> str:
    return one_line(ref.removeprefix(HEADS))


def tip_of(git: Git, url: str, ref: str, *, timeout: float) -> str | None:
    """Return the commit of a branch that need not exist; raises RemoteUnreachable or Denied."""
    return _refs(_ls_remote(git, url, ref, timeout=timeout)).get(ref)


def commits_named(git: Git, url: str, name: str, *, timeout: float) -> list[str]:
    """Return what the remote's tag and its branch of a name stand for; annotated tags peeled.

    Two only where they differ. Raises RemoteUnreachable, Denied, GitError or, for what is no name,
    UsageError.
    """
    branch, tag = check_ref(f"{HEADS}{name}"), f"{TAGS}{name}"  # what is a branch's is a tag's name
    words = ("ls-remote", "--heads", "--tags", "--", url, tag, f"{tag}^{{}}", branch)
    refs = _refs(checked(talk(git, *words, url=url, doing="read", timeout=timeout), "read", url))
    found = (refs.get(f"{tag}^{{}}") or refs.get(tag), refs.get(branch))
    return list(dict.fromkeys(commit for commit in found if commit is not None))


def _ls_remote(git: Git, url: str, pattern: str, *, timeout: float) -> Done:
    # The pattern filters what has come already, this what is sent: a forge has refs by the thousand
    # for pull requests.
    sent = ("--heads",) if pattern.startswith(HEADS) else ("--symref",)
    words = ("ls-remote", *sent, "--", url, pattern)
    return checked(talk(git, *words, url=url, doing="read", timeout=timeout), "read", url)


def talk(
    git: Git, *words: str, url: str, doing: str, timeout: float, watch: Watch | None = None
) -> Done:
    """Run what connects to a remote, again while it drops connections; raises RemoteUnreachable.

    `watch` hears how far a transfer is.
    """

    def run(left: float) -> Done:
        if watch is None:
            return git.run(*words, timeout=left)
        from gitops_cli.git.library import run_watched  # 100 ms, where somebody watches

        done = run_watched(git, *words, timeout=left, watch=watch)
        if done.code < 0:
            raise TimedOut(f"git {words[0]} did not end within {left:.0f} s")
        return done

    try:
        return insist(run, timeout=timeout)
    except TimedOut as error:
        message = f"cannot {doing} {redacted(url)}: not done within {timeout:.0f} s"
        raise RemoteUnreachable(message) from error


def checked(done: Done, doing: str, url: str) -> Done:
    """Return what succeeded, or raise what it failed of: RemoteUnreachable, Denied, GitError."""
    if done.code != 0:
        raise failure(done, f"cannot {doing} {redacted(url)}", remote=url)
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
    unlocked = ("-c", "fetch.unpackLimit=0", "-c", "transfer.unpackLimit=0")  # no *.keep stays
    done = talk(git, *unlocked, *words, url=url, doing="fetch from", timeout=timeout)
    if done.code != 0 and "no such remote ref" in done.err:
        return None
    checked(done, "fetch from", url)
    oid, _, name = done.text.rpartition("\n")[2].partition(" ")
    return oid if name == ref else None


def check_ref(ref: str) -> str:
    """Return the name of a branch, or raise GitError for one that git itself would not make."""
    if not ref.startswith(HEADS) or re.search(_FORBIDDEN, ref):
        raise GitError(f"`{one_line(ref)}` is not the name of a branch")
    return ref


def check_url(url: str) -> str:
    """Return a remote's URL, or raise UsageError for what runs a command or reads as an option."""
    head, helper, _ = url.partition("::")
    if url.startswith("-") or "\n" in url or "\0" in url or not url:
        raise UsageError(f"`{one_line(redacted(url))}` is no URL of a repository")
    if helper and "/" not in head and "[" not in head:  # `ext::`, `fd::`; not `[::1]`
        raise UsageError(
            f"`{one_line(redacted(url))}`: remote helpers are not supported",
            hint="use https, ssh or a path",
        )
    return url


def from_anywhere(url: str, base: Path) -> str:
    """Return a URL that means the same from any directory: git takes a path from `base`."""
    is_relative = ":" not in url.partition("/")[0] and not Path(url).is_absolute()
    return str((base / url).resolve()) if is_relative else url


def fetch(
    git: Git,
    url: str,
    *refspecs: str,
    timeout: float,
    options: Sequence[str] = (),
    name: str = "",
    watch: Watch | None = None,
) -> None:
    """Bring refs' objects here; writes nothing else unless a refspec names a target.

    `name` is that of a remote with this URL, if git knows it by one. Raises RemoteUnreachable,
    Denied or GitError (such as a full disk).
    """
    words = (
        # Always a pack: it appears at once, where loose objects of a killed fetch could be a
        # commit without its trees.
        *("-c", "fetch.unpackLimit=1"),
        "fetch",
        "--quiet" if watch is None else "--progress",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-prune",
        "--no-auto-maintenance",
        "--no-write-commit-graph",
        "--no-show-forced-updates",
        *options,
        *("--", name or url, *refspecs),
    )
    done = talk(git, *words, url=url, doing="fetch from", timeout=timeout, watch=watch)
    checked(done, "fetch from", url)
