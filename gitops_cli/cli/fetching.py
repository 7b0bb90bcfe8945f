"""A bar for what takes longer than a second, on a terminal: a fetch, or reading a cluster."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.errors import LiveError
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

    from gitops_cli.domain.progress import HowFar

_NARROWEST, _WIDEST, _BESIDE = 5, 40, 51  # columns: of the bar, and of what is beside it
_AFTER = 1.0  # seconds; a bar that is gone at once would only flicker


class Fetching:
    """Shows how far the latest thing is; any thread may tell it. None: that is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._progress: Progress | None = None

    def __call__(self, far: HowFar | None) -> None:
        """Show how far it is, once it has taken a second."""
        with self._lock:
            if far is None:
                self._end()
                return
            self._begun = self._begun or time.monotonic()
            if self._progress is None and time.monotonic() - self._begun < _AFTER:
                return
            progress = self._progress or self._start()
            if progress is None:
                return
            progress.update(
                progress.task_ids[0],
                description=far.doing,
                completed=far.done,
                total=far.total,
                count=far.amount,
            )

    def close(self) -> None:
        """Take the bar away."""
        with self._lock:
            self._end()

    def _start(self) -> Progress | None:
        """Begin to show it, unless something else is shown there that changes in place."""
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(max(_NARROWEST, min(_WIDEST, self._console.width - _BESIDE))),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        progress.add_task("", total=None, count="")
        with suppress(LiveError):
            progress.start()
            self._progress = progress
        return self._progress

    def _end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._begun = None, None
