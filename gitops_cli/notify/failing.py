"""Why a notice did not go out."""

from __future__ import annotations


class NotSent(Exception):
    """A notice was not sent; the text says why, without the address or a secret of it."""
