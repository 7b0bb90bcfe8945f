"""What must stay together is run by one process, however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_MANY = pytest.mark.parametrize("number", range(12))


@_MANY
@pytest.mark.xdist_group("together")
def test_tests_of_one_group_are_run_by_one_process(session_directory: Path, number: int) -> None:
    runners = session_directory / "runners-of-a-group"
    runners.mkdir(exist_ok=True)
    (runners / str(os.getpid())).touch()
    assert len(list(runners.iterdir())) == 1


@pytest.fixture(scope="module")
def shared(session_directory: Path) -> Iterator[Path]:
    """Can be made once: a second process fails."""
    place = session_directory / "shared-by-a-module"
    place.mkdir()
    yield place
    place.rmdir()


@_MANY
def test_what_a_module_shares_is_made_once(shared: Path, number: int) -> None:
    assert shared.is_dir()
