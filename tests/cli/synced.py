"""What tests read of a sync: its document, and what it left on a workload."""

from __future__ import annotations

from typing import Any

from tests.cli.live import Live

PATCH = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]}]
LOOK = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]


def services(document: Any) -> dict[str, Any]:
    """Return service → outcome of the one environment in a document."""
    [environment] = document["environments"]
    return {service["service"]: service for service in environment["services"]}


def annotations(live: Live, service: str = "web", kind: str = "Deployment") -> dict[str, str]:
    """Return a workload's annotations."""
    found: dict[str, str] = live.kube.get(kind, live.namespace, service)["metadata"]["annotations"]
    return found
