"""Many requests at once, each with its own outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from gitops_cli.domain.errors import GitOpsError

AT_ONCE = 16
ASKED_AT_ONCE = 8  # each is a connection, or a few processes

T = TypeVar("T")
R = TypeVar("R")


class NotBegun(GitOpsError):
    """Left out because the work was stopped before."""

    code = "not-begun"

    def __init__(self) -> None:
        super().__init__("not tried: an earlier one failed")


def ask_all(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return the answers in the items' order; the first error raised ends it."""
    waiting = list(items)
    failed = threading.Event()

    def boxed(item: T) -> tuple[R]:
        try:
            return (ask(item),)
        except BaseException:
            failed.set()
            raise

    answers = attempt_all(boxed, waiting, stop=failed.is_set, at_once=ASKED_AT_ONCE)
    for answer in answers:
        if isinstance(answer, GitOpsError):
            raise answer
    return [answer[0] for answer in answers if isinstance(answer, tuple)]


def attempt_all(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    done: Callable[[T, R | GitOpsError], None] | None = None,
    stop: Callable[[], bool] | None = None,
    at_once: int = AT_ONCE,
) -> list[R | GitOpsError]:
    """Return for each item what `work` returned, or the GitOpsError it raised, in order.

    `done` hears of each as it ends, one at a time. Once `stop` is true, what has not begun is
    `NotBegun`. Any other exception is raised here after all threads have ended.
    """
    run = _Run(work, items, done, stop)
    # The last thread is the caller's own: a single item needs no other.
    threads = [
        threading.Thread(target=run.some, daemon=True) for _ in range(min(at_once, len(items)) - 1)
    ]
    for thread in threads:
        thread.start()
    run.some()
    for thread in threads:
        thread.join()
    if run.bugs:
        raise run.bugs[0]
    return run.results


class _Run(Generic[T, R]):
    def __init__(
        self,
        work: Callable[[T], R],
        items: Sequence[T],
        done: Callable[[T, R | GitOpsError], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.results: list[R | GitOpsError] = [NotBegun() for _ in items]
        self.bugs: list[BaseException] = []
        self._work = work
        self._items = items
        self._done = done
        self._stop = stop
        self._order = iter(range(len(items)))
        self._lock = threading.Lock()

    def some(self) -> None:
        """Work on items until none is left."""
        try:
            while (index := self._next()) is not None:
                self._one(index)
        except BaseException as bug:  # noqa: BLE001 - raised again in the caller's thread
            self.bugs.append(bug)

    def _next(self) -> int | None:
        if self.bugs or (self._stop is not None and self._stop()):
            return None
        with self._lock:
            return next(self._order, None)

    def _one(self, index: int) -> None:
        item = self._items[index]
        try:
            outcome: R | GitOpsError = self._work(item)
        except GitOpsError as error:
            outcome = error
        self.results[index] = outcome
        if self._done is not None:
            with self._lock:
                self._done(item, outcome)
