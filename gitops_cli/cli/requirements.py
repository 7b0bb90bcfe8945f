"""Give `require` of gitops.toml the registry and the cluster it asks."""

from __future__ import annotations

from gitops_cli.cli.session import Session
from gitops_cli.domain.comparison import Comparison
from gitops_cli.domain.errors import PolicyRefused
from gitops_cli.domain.repository import Environment
from gitops_cli.domain.team import Team
from gitops_cli.operations.requirements import Requirements


def requirements(session: Session, team: Team) -> Requirements:
    """Return what asks for the images and for what runs in the source environment."""

    def compare(environment: Environment) -> Comparison:
        raise PolicyRefused(
            f"gitops.toml requires live-in-source, and {environment.name} cannot be looked at yet",
            hint='--override-policy -m "why"',
        )

    return Requirements(lambda: session.registries, compare)
