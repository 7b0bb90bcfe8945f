"""The rights of the agent, feature by feature, as rules of a Role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitops_cli.agent.model.spec import NAME, Feature
from gitops_cli.domain.recorded.environment import Kind


def role_rules(kinds: Iterable[Kind], features: Iterable[Feature]) -> list[dict[str, Any]]:
    """Return the least rules that let the agent work on these kinds with these features."""
    kinds = frozenset(kinds)
    groups = dict.fromkeys(kind.group for kind in Kind)
    rules = [_workloads(group, kinds) for group in groups]
    wanted = frozenset(features)
    return [
        *(rule for rule in rules if rule["resources"]),
        _rule("", "configmaps", "get", "patch", names=[NAME]),
        *([_rule("", "pods", "list")] if Feature.REASONS in wanted else []),
        *([_rule("", "events", "create")] if Feature.EVENTS in wanted else []),
    ]


def _workloads(group: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    resources = sorted(kind.plural for kind in kinds if kind.group == group)
    return {"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "patch"]}


def _rule(group: str, resource: str, *verbs: str, names: list[str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource]}
    if names:
        rule["resourceNames"] = names
    return {**rule, "verbs": list(verbs)}
