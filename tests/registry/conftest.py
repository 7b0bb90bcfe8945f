"""What the tests of the client have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.registry.client import Registries
from tests.registry.asked import OPENED, opened


@pytest.fixture(autouse=True)
def direct(without_proxy: None) -> None:
    """Reach the servers of these tests directly."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close all that a test has opened."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def registries(tmp_path: Path) -> Registries:
    return opened(tmp_path, timeout=15)
