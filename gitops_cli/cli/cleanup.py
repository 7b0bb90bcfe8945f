"""Cleaning up at the end of a command, also when a signal tells it to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def cleaned_up(clean: Callable[[], object], *, keep: bool) -> Iterator[None]:
    """Clean at the end unless the work is done and to be kept, also after a signal to stop.

    The first signal raises KeyboardInterrupt, those that follow change nothing.
    """
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    except BaseException:
        keep = False
        raise
    finally:
        _ignore_signals()
        try:
            if not keep:
                clean()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # At once, not in the `finally` above: on its way there a second one would end it.
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
