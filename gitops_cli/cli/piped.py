"""What another command hands us through a pipe."""

from __future__ import annotations

import sys

from gitops_cli.domain.errors import UsageError

MOST = 1_000_000  # bytes


def piped_text() -> str:
    """Return the text of standard input; raises UsageError where there is none, or too much."""
    if sys.stdin.isatty():
        raise UsageError("nothing comes through a pipe", hint="gitops validate -o markdown | …")
    content = sys.stdin.buffer.read(MOST + 1)
    if len(content) > MOST:
        raise UsageError(f"more than {MOST:,} bytes come through the pipe")
    text = content.decode(errors="replace").strip()
    if not text:
        raise UsageError("nothing came through the pipe", hint="did the command before it fail?")
    return text
