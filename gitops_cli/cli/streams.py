"""The three standard streams, so that nothing that is read or written there can fail.

A stream may be closed by the caller, be a full disk, lose its reader, or be made for other letters
than ours. What a command does must not depend on that: what cannot be written is lost, the loss is
remembered, and the boundary of errors asks for it when the command has ended.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_TWINS = {
    "→": "->",
    "×": "x",
    "…": "...",
    "·": "-",
    "•": "*",
    "●": "*",
    "✓": "ok",
    "─": "-",
    "├": "|",
    "└": "`",
    "↑": "^",
    "↓": "v",
    "ⁿ": "^n",
    "≠": "!=",
    "“": '"',
    "”": '"',
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
}
"""Our own symbols where a terminal has no letters but ASCII."""


class Lost(OSError):
    """Something could not be written to stdout."""


class _Raw(io.FileIO):
    """The file of a standard stream: after the first write that fails all others vanish."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.loss: Lost | None = None
        self.broken = False

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        try:
            return size if self.broken else self._written(data)
        except OSError as error:
            self.loss, self.broken = Lost(error.errno, error.strerror), True
            return size

    def _written(self, data: ReadableBuffer) -> int:
        # None: a pipe that another program made non-blocking, as node does in CI, is full.
        while (count := super().write(data)) is None:
            import select

            select.select([], [self], [])
        return count


def prepare() -> None:
    """Replace the standard streams by such that take everything."""
    _occupy()
    codecs.register_error("gitops", _twin)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for ever
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def take_loss(stream: TextIO) -> Lost | None:
    """Return why something could not be written, once; None if all was, or its reader left.

    Who reads no further (`gitops history | head`) has seen what they wanted.
    """
    raw = _raw(stream)
    if raw is None:
        return None
    loss, raw.loss = raw.loss, None
    return None if loss is not None and loss.errno == errno.EPIPE else loss


def is_broken(stream: TextIO) -> bool:
    """Tell whether what is written vanishes: its reader left, or the disk is full."""
    raw = _raw(stream)
    return raw is not None and raw.broken


def _raw(stream: TextIO) -> _Raw | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Raw) else None


def takes_unicode(stream: TextIO) -> bool:
    """Tell whether a stream has every letter."""
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def _occupy() -> None:
    """Keep the three descriptors from becoming those of files that are opened next."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is not None and type(stream) is not io.TextIOWrapper:
        return stream  # somebody else's, such as a test's
    return io.TextIOWrapper(
        io.BufferedWriter(_Raw(descriptor)),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="gitops",
        newline="\n",
        line_buffering=stream is not None and stream.line_buffering,
    )


def _twin(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks in its own letters: a symbol's twin, else its escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_TWINS.get(letter) or _escape(letter) for letter in lacking), error.end


def _escape(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode()
