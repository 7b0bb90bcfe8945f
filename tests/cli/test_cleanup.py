"""Cleaning up is done whole, whenever a second signal comes."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from gitops_cli.cli import cleanup


class Stepper:
    """Sends a signal before the `step`th line that the module runs once the work began."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.lines: list[int] = []
        self.armed = False

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != cleanup.__file__:
            return None
        if event == "line" and self.armed:
            self.lines.append(frame.f_lineno)
            if len(self.lines) == self.step:
                signal.raise_signal(signal.SIGTERM)
        return self.trace


@pytest.fixture
def harmless_signals() -> Iterator[None]:
    """Let a signal that comes when all is over do nothing."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    yield
    signal.signal(signal.SIGTERM, before)


def times_cleaned(stepper: Stepper, *, keep: bool) -> int:
    cleaned: list[None] = []
    before = sys.gettrace()
    sys.settrace(stepper.trace)
    try:
        with cleanup.cleaned_up(lambda: cleaned.append(None), keep=keep):
            stepper.armed = True
            signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        return len(cleaned)
    finally:
        sys.settrace(before)
    raise AssertionError("no interrupt came out")


@pytest.mark.usefixtures("harmless_signals")
@pytest.mark.parametrize("keep", [False, True])
def test_a_second_signal_at_any_line_changes_nothing(keep: bool) -> None:
    outside = signal.getsignal(signal.SIGTERM)
    for step in itertools.count(1):
        stepper = Stepper(step)

        assert times_cleaned(stepper, keep=keep) == 1, f"stopped at line {stepper.lines[-1]}"
        assert signal.getsignal(signal.SIGTERM) is outside
        if len(stepper.lines) < step:
            break
    assert step > 10
