"""Progress on a terminal: a line for each thing, in place, gone when the result is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gitops_cli.render.safe import for_terminal


@contextmanager
def on_terminal(console: Console) -> Iterator[Callable[[str, str], None]]:
    """Yield what shows a thing's latest line; any thread may call it."""
    lines: dict[str, str] = {}
    lock = Lock()

    def say(what: str, line: str) -> None:
        with lock:
            lines.pop(what, None)
            lines[what] = line  # the latest last, where a screen that is too small shows it
            live.update(_picture(list(lines.values())[2 - console.height :]), refresh=True)

    with Live(console=console, auto_refresh=False, transient=True) as live:
        try:
            yield say
        except BaseException:
            live.transient = False
            raise


def _picture(lines: list[str]) -> Text:
    return Text(
        "\n".join(for_terminal(line) for line in lines),
        style="dim",
        no_wrap=True,
        overflow="ellipsis",
    )
