"""What an installation reads of many namespaces is asked for at once: each waits for the others."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier
from typing import Any, cast

import pytest

from gitops_cli.agent.installing import plan_install, plan_replace, restricted_of
from gitops_cli.agent.model.spec import AgentMode, AgentSpec
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.ports import Objects

NAMES = [EnvironmentName(name) for name in ("a-dev", "b-dev", "c-dev")]
SECONDS = 20.0  # one that waits alone fails


class Waiting:
    """A cluster whose answers come once as many are asked for as there are namespaces."""

    def __init__(self) -> None:
        self._all = Barrier(len(NAMES))

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        self._all.wait(SECONDS)
        return {"metadata": {"name": name}} if kind == "Namespace" else None

    def apply(self, manifest: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        return manifest


def of_all(mode: AgentMode) -> list[AgentSpec]:
    kinds = frozenset({Kind.DEPLOYMENT})
    return [AgentSpec(mode, "ssh://git@x/s.git", "r/g:1", {name: kinds}, name) for name in NAMES]


def installed(objects: Objects) -> list[object]:
    return list(
        plan_install(
            objects,
            [
                {"kind": "Role", "metadata": {"name": "x", "namespace": name}, "rules": []}
                for name in NAMES
            ],
        )
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda objects: restricted_of(objects, NAMES),
        lambda objects: plan_replace(objects, of_all(AgentMode.CRONJOB)),
        installed,
    ],
    ids=["restricted", "replaced", "installed"],
)
def test_namespaces_are_read_at_once(read: Callable[[Objects], list[object]]) -> None:
    assert len(read(cast(Objects, Waiting()))) in (0, len(NAMES))
