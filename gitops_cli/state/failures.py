"""Turns what git says when it fails into our errors.

Whether a push lost a race is never read from here, only what kind of failure a person sees and
whether trying again can help.
"""

from __future__ import annotations

import re

from gitops_cli.domain.errors import Denied, GitError, GitOpsError, RemoteUnreachable
from gitops_cli.domain.text import redacted, visible
from gitops_cli.state.process import Done

_NOT_AUTHENTICATED = re.compile(
    r"Authentication failed|could not read (Username|Password)|terminal prompts disabled"
    r"|Permission denied \(|Permission to \S+ denied|HTTP Basic: Access denied"
    r"|returned error: 40[13]\b|Host key verification failed|Too many authentication failures"
    r"|no mutual signature|Invalid username or (password|token)|[Rr]epository .*not found"
    r"|you (do not|don't) have permission|access rights",
    re.IGNORECASE,
)
# ssh and git end every failed connection with these words, whatever the reason was.
_ALWAYS_SAID = re.compile(r"Please make sure you have the correct access rights.*", re.DOTALL)
_OWNERSHIP = re.compile(r"dubious ownership in repository at '([^']*)'")
_DISK = re.compile(r"No space left on device|Disk quota exceeded|File too large", re.IGNORECASE)
_NOT_WRITABLE = re.compile(
    r"Read-only file system|insufficient permission|Permission denied|Operation not permitted",
    re.IGNORECASE,
)
# Trying again cannot help.
_FOR_EVER = re.compile(
    r"hash algorithm|transport '[^']*' not allowed|[Uu]nsupported|is not supported"
)
_NOISE = re.compile(r"^(hint:|warning:|To |Pushing to |From |\s*$)")


def failure(done: Done, doing: str, *, remote: str | None = None) -> GitOpsError:
    """Return the error for a git command that failed; `remote` is the URL it talked to."""
    said = spoken(done.err)
    because = f"{doing}: {said}" if said else f"{doing}: git ended with status {done.code}"
    own = _ALWAYS_SAID.sub("", done.err)
    if owned := _OWNERSHIP.search(own):
        return Denied(
            f"{doing}: the repository belongs to another user",
            hint=f"if you trust it: git config --global --add safe.directory {owned[1]}",
        )
    if _DISK.search(own):
        return GitError(f"{because} (the disk is full)", hint="make room, then repeat the command")
    if remote is not None and _NOT_AUTHENTICATED.search(own):
        return Denied(because, hint=f"check your credentials: git ls-remote {redacted(remote)}")
    if _NOT_WRITABLE.search(own):
        return Denied(because, hint="check who may read and write there")
    if remote is not None and not _FOR_EVER.search(own):
        return RemoteUnreachable(because, hint=f"try it: git ls-remote {redacted(remote)}")
    return GitError(because)


def spoken(text: str) -> str:
    """Return what matters of git's stderr on one line, safe to show."""
    lines = [line.strip() for line in _ALWAYS_SAID.sub("", text).splitlines()]
    kept = [line for line in lines if not _NOISE.match(line)]
    return redacted(visible("; ".join(kept[:6])))


def remote_said(text: str) -> str:
    """Return what the server or its hooks wrote, line by line, safe to show."""
    lines = [line.removeprefix("remote:").strip() for line in text.splitlines()]
    heard = [
        line
        for line, raw in zip(lines, text.splitlines(), strict=True)
        if raw.startswith("remote:") and line
    ]
    return redacted(visible("\n".join(heard[:20])))
