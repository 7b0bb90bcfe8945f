"""Hand tests out to the processes of pytest-xdist by group: what shares something stays together.

pytest-xdist 3.8 has groups too, but tells of them in the tests' names, which pytest 9.2 does not
let it change: every test is a group of its own, silently
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sized
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# What takes longest begins first, so that the others fill up what is left of the time.
_FIRST = ("kubelet", "engines")
# These wait for ten seconds and more: whoever began last would be waited for by all.
_WAITING = ("tests/cli/test_restarts.py", "tests/cli/test_watch.py", "tests/cli/test_timeout.py")
# Where tests take milliseconds: to hand out one by one thousands of them costs more than they do.
PURE = ("tests/domain/", "tests/render/", "tests/git/", "tests/web/")


def write(items: Iterable[pytest.Item], directory: Path, worker: str) -> None:
    """Write, in a worker, which group each collected test is in."""
    groups = {item.nodeid: name for item in items if (name := _group(item))}
    (directory / f"groups-{worker}").write_text(json.dumps(groups))


def _group(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else None


class GroupScheduling(LoadScopeScheduling):
    """A group is a unit of work, and so is each test that is in none.

    In the order of their names those that compute would come together, and those that wait for a
    cluster or a time-out, in which the machine has nothing to do. So they are mixed, the same way
    each time.
    """

    def __init__(self, config: pytest.Config, log: Any, directory: Path) -> None:
        super().__init__(config, log)
        self._directory = directory
        self._groups: Mapping[str, str] = {}
        self._is_mixed = False

    def schedule(self) -> None:
        """Begin when all workers have collected the same tests, and thus written the same file."""
        worker = next(iter(self.nodes)).gateway.id
        self._groups = json.loads((self._directory / f"groups-{worker}").read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        if not self._is_mixed:
            mixed = sorted(self.workqueue.items(), key=lambda item: _turn(*item))
            self.workqueue = OrderedDict(mixed)
            self._is_mixed = True
        super()._assign_work_unit(node)


def _turn(scope: str, tests: Sized) -> tuple[int, int]:
    """Return when a unit of work has its turn: those that may take long are among the first."""
    takes_long = scope.startswith(_WAITING) or (len(tests) > 1 and not scope.startswith(PURE))
    rank = _FIRST.index(scope) if scope in _FIRST else len(_FIRST) + (not takes_long)
    return rank, zlib.crc32(scope.encode())
