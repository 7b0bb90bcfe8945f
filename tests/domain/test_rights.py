"""Rights in a cluster, and which rules grant them."""

from __future__ import annotations

import pytest

from gitops_cli.domain.cluster.rights import AccessRule, Right, allowed
from gitops_cli.domain.recorded.environment import Kind

ANY = frozenset({"*"})
READ = AccessRule(frozenset({"get", "list"}), frozenset({"", "apps"}), frozenset({"pods", "x"}))
NAMED = AccessRule(ANY, ANY, ANY, frozenset({"web", "db"}))


@pytest.mark.parametrize(
    ("rule", "asked", "grants"),
    [
        (READ, ("get", "", "pods"), True),
        (READ, ("list", "apps", "x"), True),
        (READ, ("list", "apps", "x", "any name"), True),
        (READ, ("patch", "apps", "x"), False),
        (READ, ("get", "batch", "x"), False),
        (READ, ("get", "apps", "jobs"), False),
        (READ, ("*", "apps", "x"), False),
        (NAMED, ("patch", "apps", "deployments", "web"), True),
        (NAMED, ("patch", "apps", "deployments", "shop"), False),
        (NAMED, ("patch", "apps", "deployments"), False),
    ],
)
def test_a_rule_grants_what_each_of_its_lists_has(
    rule: AccessRule, asked: tuple[str, ...], grants: bool
) -> None:
    assert rule.allows(*asked) is grants
    assert allowed([rule], *asked) is grants
    assert allowed([AccessRule(ANY, frozenset(), ANY), rule], *asked) is grants


def test_without_rules_nothing_is_allowed() -> None:
    assert not allowed([], "get", "", "pods")


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (Right("patch", Kind.DEPLOYMENT, "shop"), "patch deployments.apps in shop"),
        (Right("list", "pods"), "list pods"),
        (Right("get", "pods", "shop", "web-1", "log"), "get pods/log in shop"),
    ],
)
def test_a_right_is_said_as_a_role_lists_it(right: Right, text: str) -> None:
    assert str(right) == text
