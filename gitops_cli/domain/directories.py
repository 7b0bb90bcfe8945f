"""Environments as they are listed and made."""

from __future__ import annotations

from typing import NamedTuple

from gitops_cli.domain.change.proposal import Proposal
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import (
    Environment,
)
from gitops_cli.domain.recorded.stages import Place

NO_ENVIRONMENTS = (
    "no environments yet; `gitops env add NAME` makes one "
    "(if this is not your state repository: -C PATH, -R URL or GITOPS_REPO name it)"
)


class ListedEnvironment(NamedTuple):
    """An environment and where it belongs."""

    place: Place
    environment: Environment
    cluster: str | None


class NewEnvironment(NamedTuple):
    """What a new environment is made of. `source` is what it was copied from."""

    name: EnvironmentName
    source: EnvironmentName | None
    images_path: str
    services: tuple[ServiceName, ...]
    proposal: Proposal
