"""The rights of the agent, feature by feature, as rules of a Role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gitops_cli.agent.model.spec import NAME, Feature, ManifestRights
from gitops_cli.domain.manifests.applyset import PARENT
from gitops_cli.domain.recorded.environment import Kind

_CONFIG_MAPS = ("", "configmaps")
APPLIES = ("get", "list", "create", "patch")
"""What is needed of each kind that is applied."""


def role_rules(
    kinds: Iterable[Kind], features: Iterable[Feature], manifests: ManifestRights | None = None
) -> list[dict[str, Any]]:
    """Return the least rules that let the agent work on these kinds with these features.

    `manifests`: it also applies objects.
    """
    applied = manifests.resources if manifests is not None else frozenset()
    kinds = frozenset(kind for kind in kinds if (kind.group, kind.plural) not in applied)
    names = [NAME] if manifests is None else [NAME, PARENT]
    own = [] if _CONFIG_MAPS in applied else [_rule(*_CONFIG_MAPS, "get", "patch", names=names)]
    groups = dict.fromkeys(kind.group for kind in Kind)
    rules = [_workloads(group, kinds) for group in groups]
    wanted = frozenset(features)
    return [
        *(rule for rule in rules if rule["resources"]),
        *(_manifests(manifests) if manifests is not None else ()),
        *own,
        *([_rule("", "pods", "list")] if Feature.REASONS in wanted else []),
        *([_rule("", "events", "create")] if Feature.EVENTS in wanted else []),
    ]


def _workloads(group: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    resources = sorted(kind.plural for kind in kinds if kind.group == group)
    return {"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "patch"]}


def _manifests(rights: ManifestRights) -> Iterator[dict[str, Any]]:
    verbs = [*APPLIES, *(["delete"] if rights.prune else [])]
    for group in sorted({group for group, _ in rights.resources}):
        resources = sorted(name for of, name in rights.resources if of == group)
        yield {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _rule(group: str, resource: str, *verbs: str, names: list[str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource]}
    if names:
        rule["resourceNames"] = names
    return {**rule, "verbs": list(verbs)}
