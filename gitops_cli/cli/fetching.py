"""A bar for a clone or a fetch that takes longer than a second, on a terminal."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

    from gitops_cli.git.library import Stage

_NARROWEST, _WIDEST, _BESIDE = 5, 40, 51  # columns: of the bar, and of what is beside it
_AFTER = 1.0  # seconds; a bar that is gone at once would only flicker


class Fetching:
    """Shows the latest stage; any thread may tell it one. None: that transfer has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._progress: Progress | None = None

    def __call__(self, stage: Stage | None) -> None:
        """Show how far it is, once it has taken a second."""
        with self._lock:
            if stage is None:
                self._end()
                return
            self._begun = self._begun or time.monotonic()
            if self._progress is None and time.monotonic() - self._begun < _AFTER:
                return
            progress = self._progress or self._start()
            progress.update(
                progress.task_ids[0],
                description=stage.doing,
                completed=stage.done,
                total=stage.total,
                count=_count(stage),
            )

    def close(self) -> None:
        """Take the bar away."""
        with self._lock:
            self._end()

    def _start(self) -> Progress:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(max(_NARROWEST, min(_WIDEST, self._console.width - _BESIDE))),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._progress.add_task("fetching", total=None, count="")
        self._progress.start()
        return self._progress

    def _end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._begun = None, None


def _count(stage: Stage) -> str:
    """Return how many objects that are: `24% of 400,003`, or a number alone."""
    if stage.total is None:
        return f"{stage.done:,}" if stage.done else ""
    return f"{100 * stage.done // stage.total}% of {stage.total:,}"
