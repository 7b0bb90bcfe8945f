"""Turns what git says when it fails into our errors.

Whether a push lost a race is never read from here, only what kind of failure a person sees and
whether trying again can help.
"""

from __future__ import annotations

import re

from gitops_cli.domain.errors import (
    Denied,
    GitError,
    GitOpsError,
    RemoteMissing,
    RemoteUnreachable,
)
from gitops_cli.domain.text import redacted, visible
from gitops_cli.git.process import Done

# Patterns are compiled when something has failed, not on every start.
_NOT_AUTHENTICATED = (
    r"(?i)Authentication failed|could not read (Username|Password)|terminal prompts disabled"
    r"|Permission denied \(|Permission to \S+ denied|HTTP Basic: Access denied"
    r"|returned error: 40[13]\b|Host key verification failed|Too many authentication failures"
    r"|no mutual signature|Invalid username or (password|token)|[Rr]epository .{0,400}not found"
    r"|you (do not|don't) have permission|access rights"
)
# ssh and git end every failed connection with these words, whatever the reason was.
_ALWAYS_SAID = r"(?s)Please make sure you have the correct access rights.*"
_OWNERSHIP = r"dubious ownership in repository at '([^'\n]{0,4096})'"
_DISK = r"(?i)No space left on device|Disk quota exceeded|File too large"
_NOT_WRITABLE = (
    r"(?i)Read-only file system|insufficient permission|Permission denied|Operation not permitted"
)
# Trying again cannot help.
_FOR_EVER = r"hash algorithm|transport '[^']{0,400}' not allowed|[Uu]nsupported|is not supported"
# Who was asked has answered: there is none of that name.
_MISSING = r"does not appear to be a git repository|repository '[^'\n]{0,4096}' does not exist"
_NOISE = ("hint:", "warning:", "To ", "Pushing to ", "From ")


def failure(done: Done, doing: str, *, remote: str | None = None) -> GitOpsError:
    """Return the error for a git command that failed; `remote` is the URL it talked to."""
    said = spoken(done.err)
    because = f"{doing}: {said}" if said else f"{doing}: git ended with status {done.code}"
    own = re.sub(_ALWAYS_SAID, "", done.err)
    if owned := re.search(_OWNERSHIP, own):
        return Denied(
            f"{doing}: the repository belongs to another user",
            hint=f"if you trust it: git config --global --add safe.directory {owned[1]}",
        )
    if re.search(_DISK, own):
        return GitError(f"{because} (the disk is full)", hint="make room, then repeat the command")
    if remote is not None and re.search(_NOT_AUTHENTICATED, own):
        return Denied(because, hint=f"check your credentials: git ls-remote {redacted(remote)}")
    if re.search(_NOT_WRITABLE, own):
        return Denied(because, hint="check who may read and write there")
    if remote is not None and not re.search(_FOR_EVER, own):
        kind = RemoteMissing if re.search(_MISSING, own) else RemoteUnreachable
        return kind(because, hint=f"try it: git ls-remote {redacted(remote)}")
    return GitError(because)


def spoken(text: str) -> str:
    """Return what matters of git's stderr on one line, safe to show."""
    lines = [line.strip() for line in re.sub(_ALWAYS_SAID, "", text).splitlines()]
    kept = [line for line in lines if line and not line.startswith(_NOISE)]
    return redacted(visible("; ".join(kept[:6])))


def remote_said(text: str) -> str:
    """Return what the server or its hooks wrote, line by line, safe to show."""
    lines = [line.removeprefix("remote:").strip() for line in text.splitlines()]
    heard = [
        line
        for line, raw in zip(lines, text.splitlines(), strict=True)
        if raw.startswith("remote:") and line not in ("", "error:")
    ]
    return redacted(visible("\n".join(heard[:20])))
