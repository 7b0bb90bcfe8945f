"""A sandbox that another process makes or removes at the very same moment."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_cli.sandbox.lifecycle import Sandbox
from gitops_cli.sandbox.place import SandboxPlace

pytestmark = pytest.mark.sweep


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Return a sandbox that is not there yet; it is taken down at the end."""
    sandbox = Sandbox(SandboxPlace(tmp_path / "ground"))
    yield sandbox
    sandbox.down()
    assert not sandbox.place.directory.exists()


def once_before(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, act: Callable[[], None]):
    """Have the first call of a function come after another process has acted."""
    real = getattr(owner, name)
    acts = [act]

    def call(*arguments: object, **options: object) -> object:
        if acts:
            acts.pop()()
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, call)


def test_a_lock_that_appears_while_we_look_is_no_strangers_file(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    once_before(monkeypatch, Path, "iterdir", sandbox.place.lock.touch)

    assert sandbox.up().fresh


@pytest.mark.parametrize("function", ["iterdir", "open"])
def test_a_directory_that_goes_is_made_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, function: str
):
    once_before(monkeypatch, Path, function, sandbox.place.directory.rmdir)

    assert sandbox.up().fresh


def test_a_lock_that_was_removed_while_we_waited_for_it_is_taken_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    once_before(monkeypatch, fcntl, "flock", sandbox.place.lock.unlink)

    assert sandbox.up().fresh
    assert sandbox.place.lock.exists()


def test_what_an_agent_leaves_that_is_killed_goes_with_the_sandbox(sandbox: Sandbox):
    sandbox.up()
    left = Path(sandbox.place.agents_environment["TMPDIR"])
    (left / "gitops-tip-x").mkdir()

    sandbox.down()

    assert not left.exists()
