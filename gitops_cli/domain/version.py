"""The content of a version file: a commit hash, or another tag, optionally with a digest."""

from __future__ import annotations

import re
from functools import lru_cache

from gitops_cli.domain.values import NamedTuple

SHORT = 7

_COMMIT = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\Z")
# A tag as the OCI distribution specification has it.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


class Version(NamedTuple):
    """What runs: an image tag (normally a full commit hash) and, if pinned, a digest."""

    tag: str
    digest: str | None = None

    def __str__(self) -> str:
        """Return the text that stands in a version file and behind the `:` of an image."""
        return self.tag if self.digest is None else f"{self.tag}@{self.digest}"

    @property
    def is_commit(self) -> bool:
        """Tell whether the tag is a full commit hash, in lower case."""
        return is_commit(self.tag)

    @property
    def short(self) -> str:
        """Return the tag as people read it; a pinned digest is left out."""
        return self.tag[:SHORT] if self.is_commit else self.tag


@lru_cache(1 << 14)
def is_commit(text: str) -> bool:
    """Tell whether `text` is a full commit hash (40 or 64 hex digits, lower case)."""
    return _COMMIT.match(text) is not None


def is_digest(text: str) -> bool:
    """Tell whether `text` is a digest as `sha256:` and 64 hex digits."""
    return _DIGEST.match(text) is not None


def parse_version(text: str) -> Version | None:
    """Return `text`, without white space around it, as a version; None if it cannot be one."""
    tag, at, digest = text.partition("@")
    if _TAG.match(tag) is None or (at and not is_digest(digest)):
        return None
    return Version(tag, digest or None)
