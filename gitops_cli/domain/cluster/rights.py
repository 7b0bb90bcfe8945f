"""A right in a cluster, as RBAC has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gitops_cli.domain.recorded.environment import Kind


class Right(NamedTuple):
    """May we do `verb` on a kind of workload, or on `pods`, `jobs`, `roles.rbac.…`?"""

    verb: str
    resource: Kind | str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def role_resource(self) -> str:
        """Return the resource as a Role lists it: `deployments.apps`."""
        if not isinstance(self.resource, Kind):
            return self.resource + (f"/{self.subresource}" if self.subresource else "")
        return f"{self.resource.plural}.{self.resource.group}"

    def __str__(self) -> str:
        """Return it for people: `patch deployments.apps in project1-production`."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.role_resource}{where}"


class AccessRule(NamedTuple):
    """What we may do in a namespace, as RBAC has it: `*` is all; without `names` any object."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str] = frozenset()

    def allows(self, verb: str, group: str, resource: str, name: str | None = None) -> bool:
        """Tell whether it grants a right; without a `name`, to all objects of a resource."""
        return (
            _has(self.verbs, verb)
            and _has(self.groups, group)
            and _has(self.resources, resource)
            and (not self.names or name in self.names)
        )


def allowed(
    rules: Iterable[AccessRule], verb: str, group: str, resource: str, name: str | None = None
) -> bool:
    """Tell whether some rule grants a right."""
    return any(rule.allows(verb, group, resource, name) for rule in rules)


def _has(values: frozenset[str], value: str) -> bool:
    return "*" in values or value in values
