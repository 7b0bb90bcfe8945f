"""A right in a cluster, as RBAC has it."""

from __future__ import annotations

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
