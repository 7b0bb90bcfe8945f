"""Hand tests out to the processes of pytest-xdist by group: what shares something stays together.

pytest-xdist 3.8 has groups too, but tells of them in the tests' names, which pytest 9.2 does not
let it change: every test is a group of its own, silently
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# What takes longest begins first, so that the others fill up what is left of the time.
_FIRST = ("kubelet", "engines")


def write(items: Iterable[pytest.Item], directory: Path, worker: str) -> None:
    """Write, in a worker, which group each collected test is in."""
    groups = {item.nodeid: name for item in items if (name := _group(item))}
    (directory / f"groups-{worker}").write_text(json.dumps(groups))


def _group(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else None


class GroupScheduling(LoadScopeScheduling):
    """A group is a unit of work, and so is each test that is in none."""

    def __init__(self, config: pytest.Config, log: Any, directory: Path) -> None:
        super().__init__(config, log)
        self._directory = directory
        self._groups: Mapping[str, str] = {}

    def schedule(self) -> None:
        """Begin when all workers have collected the same tests, and thus written the same file."""
        worker = next(iter(self.nodes)).gateway.id
        self._groups = json.loads((self._directory / f"groups-{worker}").read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        for name in reversed(_FIRST):
            if name in self.workqueue:
                self.workqueue.move_to_end(name, last=False)
        super()._assign_work_unit(node)
