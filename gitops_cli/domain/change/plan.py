"""Compare desired versions with current ones: the only comparison in the program."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version


class Action(StrEnum):
    """What a change does to its service."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"


class Change(NamedTuple):
    """One service's way from `current` to `desired`; None on a side: not there."""

    service: ServiceName
    current: Version | None
    desired: Version | None

    @property
    def action(self) -> Action:
        """Return what happens; derived, so it cannot disagree with the versions."""
        if self.current is None:
            return Action.ADD
        return Action.REMOVE if self.desired is None else Action.UPDATE


class Plan(NamedTuple):
    """All changes of one environment, ordered by service."""

    environment: EnvironmentName
    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not self.changes


def plan_changes(
    environment: EnvironmentName,
    *,
    desired: Mapping[ServiceName, Version],
    current: Mapping[ServiceName, Version],
) -> Plan:
    """Return what must change for `current` to become `desired`."""
    candidates = (
        Change(service, current.get(service), desired.get(service))
        for service in sorted(desired.keys() | current.keys())
    )
    return Plan(environment, tuple(c for c in candidates if c.current != c.desired))
