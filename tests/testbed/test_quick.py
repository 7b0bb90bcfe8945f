"""Where tests write is in memory only if that has room and lets programs run."""

from __future__ import annotations

import os
from pathlib import Path

from tests.testbed.quick import in_memory

_MEMORY = Path("/dev/shm")


def test_a_directory_of_a_disk_or_of_nothing_is_not_in_memory(tmp_path: Path) -> None:
    assert in_memory(tmp_path, room=1) is None  # below one, perhaps, but not one
    assert in_memory(Path("/proc"), room=0) is None
    assert in_memory(tmp_path / "missing", room=0) is None


def test_memory_without_room_is_left_alone() -> None:
    assert in_memory(_MEMORY, room=1 << 60) is None


def test_memory_with_room_is_taken_where_programs_run() -> None:
    usable = os.path.ismount(_MEMORY) and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    assert in_memory(_MEMORY, room=1) == (_MEMORY if usable else None)
