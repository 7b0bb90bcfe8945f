"""What a look at many agents asks of the API server."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, cast

from gitops_cli.agent.existing import read_standing
from gitops_cli.agent.model.manifests import identity, manifests
from gitops_cli.agent.model.spec import AgentMode
from gitops_cli.agent.model.status import Health
from gitops_cli.agent.reports import read_reports
from gitops_cli.operations.ports import Objects
from tests.agent.world import spec_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Counted:
    """A cluster's objects, those that an installation makes; `asked` counts what is read."""

    def __init__(self, *made: Any) -> None:
        self._made = {identity(manifest): manifest for manifest in made}
        self.asked: Counter[tuple[str, str | None]] = Counter()

    def get(self, kind: str, namespace: str | None, name: str) -> Any:
        self.asked[kind, namespace] += 1
        return self._made.get((kind, namespace, name))

    def last_words(self, namespace: str, labels: str) -> list[str]:
        self.asked["log", namespace] += 1
        return [f"of {namespace}"]


def test_a_controller_is_read_once_for_all_that_it_has() -> None:
    spec = spec_of(
        "a-production",
        "b-production",
        "c-production",
        mode=AgentMode.CONTROLLER,
        namespace="agents",
    )
    cluster = Counted(*manifests(spec))
    objects = cast("Objects", cluster)

    reports, errors = read_reports(objects, spec.environments, now=NOW)

    assert [(r.environment, r.health, r.log) for r in reports] == [
        (name, Health.NEVER_RAN, (f"of {spec.namespace}",)) for name in spec.environments
    ]
    assert errors == []
    assert set(cluster.asked.values()) == {1}

    cluster.asked.clear()
    read_standing(
        objects, AgentMode.CONTROLLER, spec.namespace, spec.environments, trust_is_told=False
    )
    assert cluster.asked["ConfigMap", spec.namespace] <= 1
    assert cluster.asked["Deployment", spec.namespace] == 2, "what serves, and what is changed"
