"""The content of version files that cannot be read, for replacing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.findings import Severity

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def spoiled_contents(
    state: StateRepository, snapshot: Snapshot, environment: Environment
) -> Mapping[str, bytes]:
    """Return the environment's files as bytes if some of them are in error; else nothing."""
    if all(f.severity is not Severity.ERROR for f in environment.findings):
        return {}
    return state.contents(snapshot.commit, f"{environment.name}/")
